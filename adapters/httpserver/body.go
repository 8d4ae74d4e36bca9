package httpserver

import (
	"errors"
	"io"

	"github.com/valyala/fasthttp"

	"github.com/ostiary/ostiary/core/fault"
)

// prefetched is how much of a body of known length the library has read when it calls the handler.
const prefetched = 8 << 10

// readBody reads the body into a buffer that grows with the received data. The library would allocate the whole
// length at the first byte: a client that announces a large body and sends nothing would cost as much as one that
// sends it.
//
// It returns how much of the memory for bodies the request holds, to be released after the request. After an error
// the rest of the body is still on the connection, which must be closed.
func (s *Server) readBody(ctx *fasthttp.RequestCtx, c *conn) (held int, f *fault.Error) {
	stream := ctx.RequestBodyStream()
	if stream == nil {
		return 0, nil
	}
	h := &ctx.Request.Header
	length := h.ContentLength()
	var head fasthttp.RequestHeader
	if length < 0 {
		// A trailer section ends up among the header fields, where it could name an address, an origin or a key that a proxy
		// in front has never seen. It is dropped (RFC 9110, 6.5.1).
		h.CopyTo(&head)
	}
	b := bodyReader{conn: c, limit: s.cfg.BodyLimit}
	if length >= 0 {
		b.limit = length
	}
	err := b.readAll(stream, length >= 0)
	if length < 0 {
		head.CopyTo(h)
	}
	ctx.Request.SetBodyRaw(b.buffer)
	if err == nil {
		return b.held, nil
	}
	c.releaseBody(b.held)
	return 0, ofBody(err)
}

// bodyReader collects a body of at most limit bytes.
type bodyReader struct {
	conn   *conn
	limit  int
	buffer []byte
	held   int // bytes of the memory for bodies
}

var errNoRoom = errors.New("no room for another body")

// readAll reads up to the limit, which is the length if it is known. Any more is fasthttp.ErrBodyTooLarge.
func (b *bodyReader) readAll(stream io.Reader, known bool) error {
	b.buffer = make([]byte, 0, min(b.limit, prefetched))
	for {
		if len(b.buffer) == b.limit {
			if known {
				return nil
			}
			return b.atEnd(stream)
		}
		if len(b.buffer) == cap(b.buffer) {
			if err := b.grow(); err != nil {
				return err
			}
		}
		n, err := stream.Read(b.buffer[len(b.buffer):cap(b.buffer)])
		b.buffer = b.buffer[:len(b.buffer)+n]
		if err != nil {
			return b.ended(err, known)
		}
	}
}

// ended returns what the end of the stream means: io.EOF is the end of the body, unless the client sent less of it than
// it announced or disconnected before the last chunk.
func (b *bodyReader) ended(err error, known bool) error {
	switch {
	case !errors.Is(err, io.EOF):
		return err
	case known && len(b.buffer) < b.limit || b.conn.ended.Load():
		return io.ErrUnexpectedEOF
	default:
		return nil
	}
}

// grow doubles the buffer, if there is room for that. The new part is held only while the body is.
func (b *bodyReader) grow() error {
	size := min(2*cap(b.buffer), b.limit)
	if !b.conn.reserveBody(size - cap(b.buffer)) {
		return errNoRoom
	}
	b.held += size - cap(b.buffer)
	larger := make([]byte, len(b.buffer), size)
	copy(larger, b.buffer)
	b.buffer = larger
	return nil
}

// atEnd reports whether a stream that has given all that it may ends there.
func (b *bodyReader) atEnd(stream io.Reader) error {
	var more [1]byte
	n, err := stream.Read(more[:])
	if n > 0 {
		return fasthttp.ErrBodyTooLarge
	}
	return b.ended(err, false)
}

// ofBody returns the fault for an error of reading a body.
func ofBody(err error) *fault.Error {
	if errors.Is(err, errNoRoom) {
		return fault.ErrOverloaded.After(retryOverloaded)
	}
	return ofConnection(err)
}
