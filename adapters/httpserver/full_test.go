package httpserver_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a request, which may be cut off, and returns what comes.
func ask(t *testing.T, conn net.Conn) answer {
	t.Helper()
	_, _ = io.WriteString(conn, "GET "+prefix+"/fine HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return read(t, res)
}

// Beyond the limit of connections the answer is the contract's, at once, and room that was made is given.
func TestConnectionBeyondTheLimitGetsAnAPIError(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{Connections: 2}, testAPI(get("/fine", httpserver.Public(), ok)))
	var held []net.Conn
	for range 2 {
		held = append(held, dial(t, address))
		if a := ask(t, held[len(held)-1]); a.Status != http.StatusOK {
			t.Fatalf("a connection within the limit: %d", a.Status)
		}
	}
	for range 20 {
		conn := dial(t, address)
		a := ask(t, conn)
		if a.Header.Get("Retry-After") != "1" || a.Header.Get("X-Request-Id") != a.Body["request_id"] ||
			a.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("a connection too many: %s %v", a.Raw, a.Header)
		}
		wantFailure(t, a, http.StatusServiceUnavailable, "storage_unavailable")
		_ = conn.Close()
	}
	_ = held[0].Close()
	for status := 0; status != http.StatusOK; { // once the server has seen that it left
		conn := dial(t, address)
		if status = ask(t, conn).Status; status != http.StatusOK && status != http.StatusServiceUnavailable {
			t.Fatalf("after one has left: %d", status)
		}
		_ = conn.Close()
	}
}

// A client beyond the limit that never shakes hands must not keep the next one from being accepted.
func TestSilentClientsBeyondTheLimitBlockNoOthers(t *testing.T) {
	t.Parallel()
	files := newFiles(t)
	config, err := httpserver.TLSFiles(files.Cert, files.Key, clock{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	address, _ := start(t, httpserver.Config{TLS: config, Connections: 1})
	first := dial(t, address)
	for range 100 {
		dial(t, address)
	}
	_ = first.Close()
	for begin, status := time.Now(), 0; status != http.StatusOK; status, _ = statusOver(t, address, files.CA) {
		if time.Since(begin) > time.Minute {
			t.Fatal("no client is let in any more")
		}
	}
}
