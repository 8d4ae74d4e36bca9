package controlsocket_test

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/controlsocket"
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/sysclock"
)

// start serves two routes on the listener of listen until the end of the test.
func start(t *testing.T, listen func(context.Context) (net.Listener, error)) *httpserver.Server {
	t.Helper()
	server, err := httpserver.New(httpserver.Config{Listen: listen, Clock: sysclock.Clock{}}, httpserver.API{
		Name: "test", Routes: []httpserver.Route{
			{Method: http.MethodGet, Path: "/hello", Access: httpserver.Public(), Handler: func(r *httpserver.Request) error {
				return r.JSON(http.StatusOK, map[string]any{"address": r.Origin.IP()})
			}},
			{Method: http.MethodGet, Path: "/panic", Access: httpserver.Public(), Handler: func(*httpserver.Request) error {
				panic("in a handler")
			}},
			{Method: http.MethodGet, Path: "/stream", Access: httpserver.Public(), Handler: func(r *httpserver.Request) error {
				return r.Stream("text/plain", "", func(context.Context, io.Writer) error { panic("in a stream") })
			}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.Background()); err != nil { // the test's own context is over
			t.Error(err)
		}
	})
	return server
}

func startIn(t *testing.T, dir string) *httpserver.Server {
	t.Helper()
	return start(t, func(ctx context.Context) (net.Listener, error) { return controlsocket.Listen(ctx, dir) })
}

// get returns the status of a path, or 0 if the response is incomplete.
func get(t *testing.T, over http.RoundTripper, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://ostiary"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "192.0.2.7")
	response, err := over.RoundTrip(request)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return 0
	}
	if response.StatusCode == http.StatusOK && string(body) != `{"address":""}` {
		t.Errorf("a client of the socket has an address: %s", body)
	}
	return response.StatusCode
}

func dial(t *testing.T, dir string) *http.Transport {
	t.Helper()
	transport, err := controlsocket.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(transport.CloseIdleConnections)
	return transport
}

func TestServesBothTransports(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	startIn(t, dir)
	memory := controlsocket.NewMemory()
	start(t, func(context.Context) (net.Listener, error) { return memory, nil })
	for name, over := range map[string]http.RoundTripper{"socket": dial(t, dir), "memory": memory.Transport()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := get(t, over, "/hello"); got != http.StatusOK {
				t.Errorf("status %d", got)
			}
			if got := get(t, over, "/panic"); got != http.StatusInternalServerError {
				t.Errorf("a panic is %d", got)
			}
			if got := get(t, over, "/stream"); got != 0 {
				t.Errorf("a panic in a stream is %d", got)
			}
			if got := get(t, over, "/hello"); got != http.StatusOK {
				t.Errorf("after a panic: status %d", got)
			}
		})
	}
}

func TestDialWithoutServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := controlsocket.Dial(t.Context(), dir); !errors.Is(err, controlsocket.ErrNoServer) {
		t.Errorf("an empty directory: %v", err)
	}
	// A crash leaves a socket file without a listener.
	left, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, controlsocket.Name))
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := left.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false)
	}
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := controlsocket.Dial(t.Context(), dir); !errors.Is(err, controlsocket.ErrNoServer) {
		t.Errorf("a socket that a crash left: %v", err)
	}
	server := startIn(t, dir)
	if got := get(t, dial(t, dir), "/hello"); got != http.StatusOK {
		t.Errorf("in place of a socket that a crash left: status %d", got)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rest, err := os.ReadDir(dir); err != nil || len(rest) != 0 {
		t.Errorf("left behind: %v, %v", rest, err)
	}
}

// TestOtherUsersNeverReachTheSocket looks at the data directory while the socket is opened again and again.
func TestOtherUsersNeverReachTheSocket(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	done, looked := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(looked)
		for {
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Error(err)
				return
			}
			for _, e := range entries {
				if info, err := e.Info(); err == nil && info.Mode().Perm()&0o077 != 0 {
					t.Errorf("%s has the mode %s", e.Name(), info.Mode())
				}
			}
			select {
			case <-done:
				return
			default:
			}
		}
	}()
	for range 200 {
		l, err := controlsocket.Listen(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		info, err := os.Stat(filepath.Join(dir, controlsocket.Name))
		if err != nil || info.Mode() != fs.ModeSocket|0o600 {
			t.Errorf("the socket is %v, %v", info, err)
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	<-looked
}

// TestListenCreatesTheDataDirectory covers an installation on MongoDB with its key in the configuration, which keeps
// nothing else in the data directory.
func TestListenCreatesTheDataDirectory(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent", "data")
	startIn(t, dir)
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		t.Errorf("the directory has the mode %o", mode)
	}
}

func TestDataDirectoryMayHaveALongName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	startIn(t, dir)
	if got := get(t, dial(t, dir), "/hello"); got != http.StatusOK {
		t.Errorf("status %d", got)
	}
}
