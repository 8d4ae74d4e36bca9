package httpserver

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/go-json-experiment/json"
	"github.com/gofiber/fiber/v2"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// LinesType is the media type of JSON values one per line.
const LinesType = "application/x-ndjson"

// Progress is the progress of a long operation. Total is 0 if it is unknown.
type Progress struct {
	Done  int64  `json:"done"`
	Total int64  `json:"total,omitzero"`
	What  string `json:"what,omitzero"`
}

// Lines reports what happens in a long operation. It is safe for concurrent use.
type Lines struct {
	mu sync.Mutex
	to io.Writer // nil for a client that takes the result alone
}

// Streams reports whether the client receives the lines.
func (l *Lines) Streams() bool { return l.to != nil }

// Progress sends the line {"progress":…}.
func (l *Lines) Progress(p Progress) { l.Send("progress", p) }

// Send sends a line with one member. A failure to write ends the operation's context, not the call.
func (l *Lines) Send(member string, value any) {
	if l.to == nil {
		return
	}
	raw, err := json.Marshal(map[string]any{member: value}, json.Deterministic(true))
	if err == nil {
		l.write(raw)
	}
}

func (l *Lines) write(raw []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.to.Write(append(raw, '\n')) // the closed response has ended the context
}

// Long runs an operation that can take longer than the server's time limit, and responds with its result. To a client
// that accepts application/x-ndjson it sends the lines of the operation as they come, and at the end {"result":…} or
// the body of the error response with its status; the operation's context ends when that client disconnects. Any other
// client gets the plain response.
func (r *Request) Long(do func(ctx context.Context, lines *Lines) (any, error)) error {
	ctx := ports.WithoutStorageTime(context.WithoutCancel(&r.ctx))
	if !r.acceptsLines() {
		result, err := do(ctx, &Lines{})
		if err != nil {
			return err
		}
		return r.JSON(http.StatusOK, result)
	}
	ctx, cancel := context.WithCancel(ctx)
	reader, writer := io.Pipe()
	body := &operationBody{reader: reader, cancel: cancel, ended: make(chan struct{}), conn: r.c.Context().Conn()}
	go func() {
		defer close(body.ended)
		defer cancel()
		lines := &Lines{to: writer}
		result, err := recovered(ctx, lines, do)
		if err != nil {
			lines.write(r.failureLine(ctx, err))
		} else {
			lines.Send("result", result)
		}
		body.finished.Store(true)
		_ = writer.Close() // never fails
	}()
	r.c.Status(http.StatusOK).Set(fiber.HeaderContentType, LinesType)
	r.c.Context().SetBodyStream(body, -1)
	return nil
}

// acceptsLines reports whether the response may be sent as lines: HTTP/1.0 has no chunks.
func (r *Request) acceptsLines() bool {
	if !r.c.Context().Request.Header.IsHTTP11() {
		return false
	}
	for accepted := range strings.SplitSeq(r.c.Get(fiber.HeaderAccept), ",") {
		kind, _, _ := strings.Cut(accepted, ";")
		if strings.EqualFold(strings.TrimSpace(kind), LinesType) {
			return true
		}
	}
	return false
}

// recovered turns a panic of the operation into an error: its goroutine has no other recovery.
func recovered(ctx context.Context, lines *Lines, do func(context.Context, *Lines) (any, error)) (result any,
	err error,
) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.ErrInternal.Because(fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	return do(ctx, lines)
}

// failureLine returns the body of the error response with its status, and logs the failure.
func (r *Request) failureLine(ctx context.Context, err error) []byte {
	api := r.mount.api
	f := noteDenied(context.WithoutCancel(ctx), r, api, faultOf(err))
	status := StatusOf(f.Kind)
	if entry := r.log.Check(levelOf(status), "operation failed"); entry != nil {
		entry.Write(append(failureFields(f), zap.String("request_id", r.Origin.RequestID), zap.Int("status", status))...)
	}
	body, err := api.Failure(f, r.Origin.RequestID)
	if err != nil {
		body, _ = contractFailure(f, r.Origin.RequestID) // as in fail
	}
	return fmt.Appendf(nil, `{"status":%d,%s`, status, body[1:])
}

// operationBody is the response of an operation in progress. The HTTP library closes it when the response has been
// written or the client has disconnected.
type operationBody struct {
	reader   *io.PipeReader
	cancel   context.CancelFunc
	finished atomic.Bool
	ended    chan struct{}
	conn     net.Conn
}

func (b *operationBody) Read(p []byte) (int, error) { return b.reader.Read(p) }

// Close ends the operation if it is still running and waits for it: the library reuses the request afterwards.
func (b *operationBody) Close() error {
	if !b.finished.Load() {
		b.cancel()
		_ = b.reader.Close() // never fails
		abort(b.conn)        // ends a pending read of the request's body
	}
	<-b.ended
	return nil
}
