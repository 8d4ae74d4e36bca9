package e2e_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"net"
	"net/http"
	"syscall"
	"testing"

	"github.com/gofiber/fiber/v2"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/test/kit"
)

// kept sends one request after another over a kept connection, without a client library in the way.
func kept(b *testing.B, address, request string) {
	b.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	b.ReportAllocs()
	before := processorTime(b)
	defer func() { b.ReportMetric(float64(processorTime(b)-before)/float64(b.N), "cpu-ns/op") }()
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

// processorTime returns what the process has used, in nanoseconds. The client is part of it, and the same in both: the
// difference is the server's.
func processorTime(b *testing.B) int64 {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}

func verifyRequest(token string) string {
	return "GET " + securityapi.Base + "/auth/verify HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

// BenchmarkVerifyBare is the measure of the next: a bare Fiber handler that hashes the token and looks it up.
func BenchmarkVerifyBare(b *testing.B) {
	token := string(make([]byte, 0, 600))
	for len(token) < 560 {
		token += "abcdefghijklmnopqrstuvwxyz"
	}
	known := map[[32]byte]string{sha256.Sum256([]byte(token)): `{"valid":true,"user_id":"usr_01m88c0bttcanpct0c2wb67zv7","expires_at":"2026-11-25T03:59:21Z"}`}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get(securityapi.Base+"/auth/verify", func(c *fiber.Ctx) error {
		found, ok := known[sha256.Sum256([]byte(c.Get("Authorization")[len("Bearer "):]))]
		if !ok {
			return fiber.ErrUnauthorized
		}
		c.Set("Content-Type", "application/json")
		return c.SendString(found)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = app.Listener(l) }()
	b.Cleanup(func() { _ = app.Shutdown() })
	kept(b, l.Addr().String(), verifyRequest(token))
}

// BenchmarkVerify is GET /auth/verify on the embedded store.
func BenchmarkVerify(b *testing.B) {
	s := kit.Start(b, kit.Options{})
	apis, err := securityapi.New(securityapi.Services{
		Auth: s.Auth, Accounts: s.Account, Access: s.Access, Audit: audit.New(audit.Needs{}), Settings: s.Settings, Factors: s.Factor, Keys: s.Keys,
	})
	if err != nil {
		b.Fatal(err)
	}
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: sysclock.Clock{}}, apis...)
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Open(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = server.Close(context.Background()) })
	s.Register(b, "ada", userPassword, "user")
	signed, err := s.Auth.Login(b.Context(), kit.From("127.0.0.1"), auth.LoginInput{Name: "ada", Password: userPassword})
	if err != nil {
		b.Fatal(err)
	}
	kept(b, server.Addr().String(), verifyRequest(signed.Tokens.Access))
}
