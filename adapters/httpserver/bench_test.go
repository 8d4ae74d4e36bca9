package httpserver_test

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// benchmarkKept sends one request after another over a kept connection, without a client library in the way.
func benchmarkKept(b *testing.B, address, request string) {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.Write([]byte(request)); err != nil {
			b.Fatal(err)
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil || res.StatusCode != http.StatusOK {
			b.Fatal(res, err)
		}
		if err := res.Body.Close(); err != nil { // reads it to its end
			b.Fatal(err)
		}
	}
}

// BenchmarkBareFiber is what the other is to be compared with.
func BenchmarkBareFiber(b *testing.B) {
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get(prefix+"/auth/verify", func(c *fiber.Ctx) error { return c.JSON(map[string]any{"ok": true}) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = app.Listener(l) }()
	b.Cleanup(func() { _ = app.Shutdown() })
	benchmarkKept(b, l.Addr().String(), "GET "+prefix+
		"/auth/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\r\n")
}

// BenchmarkHardened is the same answer through everything that the server does for a request.
func BenchmarkHardened(b *testing.B) {
	address, _ := start(b, httpserver.Config{}, testAPI(get("/auth/verify", httpserver.SignedIn(), ok)))
	benchmarkKept(b, address, "GET "+prefix+"/auth/verify HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\n\r\n")
}
