package httpserver

import (
	"bytes"
	"errors"
	"io"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/ostiary/ostiary/ports"
)

// streamsBody reports whether the route of a request reads its body as a stream, of any length.
func (s *Server) streamsBody(h *fasthttp.RequestHeader) bool {
	path := ""
	for _, m := range s.streams {
		if m.Method != string(h.Method()) {
			continue
		}
		if path == "" {
			path = targetPath(string(h.RequestURI()))
		}
		if m.full == path {
			return true
		}
	}
	return false
}

// BodyStream returns the body of a request to a route with StreamsBody. Each read must make progress within the
// server's time limit for a request.
func (r *Request) BodyStream() io.Reader {
	stream := r.c.Context().RequestBodyStream()
	c, tracked := r.c.Context().Conn().(*conn)
	if stream == nil || !tracked {
		return bytes.NewReader(r.c.BodyRaw())
	}
	return &bodyStream{stream: stream, conn: c, clock: c.set.clock, timeout: c.set.readTimeout}
}

type bodyStream struct {
	stream  io.Reader
	conn    *conn
	clock   ports.Clock
	timeout time.Duration
}

func (b *bodyStream) Read(p []byte) (int, error) {
	if err := b.conn.SetReadDeadline(b.clock.Now().Add(b.timeout)); err != nil {
		return 0, err
	}
	n, err := b.stream.Read(p)
	if errors.Is(err, io.EOF) && b.conn.ended.Load() {
		err = io.ErrUnexpectedEOF
	}
	if err != nil && err != io.EOF { //nolint:errorlint // a reader returns it as it is
		err = ofConnection(err).Because(err)
	}
	return n, err
}
