package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Server serves a caller on the socket of a data directory.
type Server struct {
	dir    string
	caller Caller
	http   http.Server
	done   chan struct{}
}

// NewServer returns a server that does what its clients ask for on caller.
func NewServer(dir string, caller Caller) *Server {
	s := &Server{dir: dir, caller: caller, done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+operationsPath+"{operation}", s.serve)
	s.http = http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	return s
}

// Open listens. It takes the place of a socket that a crash left: who calls it holds the data directory, which is created
// where neither the store nor the keys are kept in it.
func (s *Server) Open(ctx context.Context) error {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return fmt.Errorf("creating the data directory: %w", err)
	}
	listener, err := s.listen(ctx)
	if err != nil {
		return fmt.Errorf("listening on the control socket: %w", err)
	}
	go func() {
		defer close(s.done)
		_ = s.http.Serve(listener) // ends by Close, and says so
	}()
	return nil
}

// listen binds the socket under a name that is inaccessible to other users and renames it when its mode is set: at no
// moment can another user connect.
func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	private, err := os.MkdirTemp(s.dir, ".control-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(private) }()
	var listener net.Listener
	err = inDirectory(private, SocketName, func(path string) error {
		listener, err = (&net.ListenConfig{}).Listen(ctx, "unix", path)
		return err
	})
	if err != nil {
		return nil, err
	}
	if l, ok := listener.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false) // it is elsewhere by then
	}
	bound := filepath.Join(private, SocketName)
	if err := os.Chmod(bound, socketMode); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	if err := os.Rename(bound, filepath.Join(s.dir, SocketName)); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Close takes the socket away, lets operations under way end for as long as ctx lives, and then ends them.
func (s *Server) Close(ctx context.Context) error {
	gone := os.Remove(filepath.Join(s.dir, SocketName))
	if errors.Is(gone, os.ErrNotExist) {
		gone = nil
	}
	stopped := s.http.Shutdown(ctx)
	if stopped != nil {
		stopped = errors.Join(stopped, s.http.Close())
	}
	<-s.done
	return errors.Join(gone, stopped)
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	input, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxInput))
	if err != nil {
		http.Error(w, "the input could not be read", http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", contentType)
	out := &lines{to: json.NewEncoder(w), flush: http.NewResponseController(w)}
	answer, err := s.do(r.Context(), Request{
		Operation: r.PathValue("operation"), Input: input,
		Progress: func(p Progress) { out.write(line{Progress: &p}) },
	})
	if err != nil {
		out.write(line{Failure: failureOf(err)})
		return
	}
	out.write(line{Output: answer.Output})
}

// do keeps a panic in one operation from being one of the whole service.
func (s *Server) do(ctx context.Context, req Request) (answer Answer, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("operation %s panicked: %v", strings.ToValidUTF8(req.Operation, "?"), r)
		}
	}()
	return s.caller.Do(ctx, req)
}

// lines writes one answer; progress may come from several goroutines.
type lines struct {
	mu    sync.Mutex
	to    *json.Encoder
	flush *http.ResponseController
}

// write ignores a disconnected client: its context ends, and the operation checks that.
func (l *lines) write(one line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to.Encode(one) == nil {
		_ = l.flush.Flush()
	}
}
