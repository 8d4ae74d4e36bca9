package httpserver

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/ostiary/ostiary/core/fault"
)

const (
	// refusedAtOnce is how many connections beyond the limit get an error response concurrently; more are closed
	// without one.
	refusedAtOnce = 64
	// refusedFor limits the time to send the error, including the TLS handshake.
	refusedFor = time.Second
)

// connectionLimiter responds to connections beyond the limit with an error in the API's format. The HTTP library
// would do it in plain text, and block accepting meanwhile: one silent client of a TLS listener could then keep all
// others out indefinitely.
type connectionLimiter struct {
	busy          chan struct{}
	message       func() []byte
	sourceLimited func(from net.Addr) // a connection was closed because its source holds its limit
}

func newConnectionLimiter(message func() []byte, sourceLimited func(from net.Addr)) *connectionLimiter {
	return &connectionLimiter{busy: make(chan struct{}, refusedAtOnce), message: message, sourceLimited: sourceLimited}
}

// refuse sends the error response for a connection beyond the limit, without blocking others.
func (d *connectionLimiter) refuse(nc net.Conn, now time.Time) {
	select {
	case d.busy <- struct{}{}:
		go func() {
			defer func() { <-d.busy }()
			d.respond(nc, now.Add(refusedFor))
		}()
	default:
		_ = nc.Close() // no client is connected
	}
}

func (d *connectionLimiter) respond(nc net.Conn, until time.Time) {
	defer func() { _ = nc.Close() }() // it is given up
	if nc.SetDeadline(until) != nil {
		return
	}
	if _, err := nc.Write(d.message()); err != nil {
		return
	}
	if half, ok := nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		// or a reset would overtake the answer; whatever ends it, it is closed next
		_, _ = io.CopyN(io.Discard, nc, refusedBody)
	}
}

// refusedBody is how much of a refused client's input is read.
const refusedBody = 64 << 10

// full is the complete response to a connection beyond the limit.
func (s *Server) full() []byte {
	id := requestID("")
	f := fault.ErrOverloaded.After(retryOverloaded)
	body, err := contractFailure(f, id)
	if err != nil {
		return nil // a fault of strings alone always has a body
	}
	var b bytes.Buffer
	b.WriteString("HTTP/1.1 " + strconv.Itoa(StatusOf(f.Kind)) + " " + http.StatusText(StatusOf(f.Kind)) + "\r\n")
	header := http.Header{
		"Connection": {"close"}, "Content-Length": {strconv.Itoa(len(body))},
		"Content-Type": {"application/json; charset=utf-8"},
		"Date":         {s.cfg.Clock.Now().UTC().Format(http.TimeFormat)}, "Retry-After": {retryAfter(retryOverloaded)},
		"X-Request-Id": {id},
	}
	for _, fixed := range fixedHeaders {
		header.Set(string(fixed[0]), string(fixed[1]))
	}
	_ = header.Write(&b) // a buffer takes everything
	b.WriteString("\r\n")
	b.Write(body)
	s.metrics.broken(StatusOf(f.Kind))
	return b.Bytes()
}

// retryOverloaded is the Retry-After of a client that was refused because of the connection limit.
const retryOverloaded = time.Second

// sourceLimitLogInterval bounds how often it is logged that a source holds its limit of connections.
const sourceLimitLogInterval = time.Minute

// sourceLimited counts a connection that was closed because its source holds its limit, and logs the first in a while.
func (s *Server) sourceLimited() func(from net.Addr) {
	var next time.Time // one goroutine accepts
	return func(from net.Addr) {
		s.metrics.sourceLimited.Inc()
		now := s.cfg.Clock.Now()
		if now.Before(next) {
			return
		}
		next = now.Add(sourceLimitLogInterval)
		s.cfg.Log.Warn("connections closed: one source holds http.max_connections_per_source of them",
			zap.Stringer("source", peerAddress(from).Unmap()), zap.Int("limit", s.cfg.ConnectionsPerSource))
	}
}
