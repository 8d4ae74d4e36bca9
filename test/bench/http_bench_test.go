package bench_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gofiber/fiber/v2"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// The benchmarks of this file run the server in a child process and tell what it alone has used of the processor for
// each request over one kept connection, whatever the client and the machine's other load do.
//
// Passwords cost next to nothing in it (64 KiB of Argon2id): what is shown is what comes beyond the hash.

const (
	childVariable = "OSTIARY_BENCH_CHILD"
	password      = "Correct-Horse-7-Battery"
)

// TestChildServer is no test: it is the server, when a benchmark starts it.
func TestChildServer(t *testing.T) {
	t.Parallel()
	switch os.Getenv(childVariable) {
	case "bare":
		serveBare(t)
	case "whole":
		serveWhole(t)
	}
}

// announcement is the first line that a child writes to its parent.
type announcement struct {
	Address string `json:"address"`
	Access  string `json:"access"`
	Refresh string `json:"refresh"`
}

func announce(t *testing.T, a announcement) {
	t.Helper()
	raw, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.Write(append(raw, '\n'))
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent is done
}

// serveBare is a bare Fiber handler that hashes the token and looks it up: the measure of verify.
func serveBare(t *testing.T) {
	t.Helper()
	token := strings.Repeat("abcdefghijklmnop", 30)
	known := map[[32]byte]string{sha256.Sum256([]byte(
		token)): `{"valid":true,"user_id":"usr_01m88c0bttcanpct0c2wb67zv7","expires_at":"2026-11-25T03:59:21Z"}`}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Get(securityapi.Base+"/auth/verify", func(c *fiber.Ctx) error {
		found, ok := known[sha256.Sum256([]byte(c.Get("Authorization")[len("Bearer "):]))]
		if !ok {
			return fiber.ErrUnauthorized
		}
		c.Set("Content-Type", "application/json")
		return c.SendString(found)
	})
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = app.Listener(l) }()
	announce(t, announcement{Address: l.Addr().String(), Access: token})
}

func serveWhole(t *testing.T) {
	t.Helper()
	s := kit.Start(t, kit.Options{})
	apis, err := securityapi.New(s.Services, securityapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: sysclock.Clock{}}, apis...)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close(context.Background()) }()
	s.Register(t, "ada", password, string(domain.RoleAdmin))
	signed, err := s.Auth.Login(t.Context(), kit.From("127.0.0.1"), auth.LoginInput{Name: "ada", Password: password})
	if err != nil {
		t.Fatal(err)
	}
	announce(t, announcement{
		Address: server.Addr().String(), Access: signed.Tokens.Access,
		Refresh: signed.Tokens.Refresh,
	})
}

// child is a server in a process of its own, and one kept connection to it.
type child struct {
	announcement

	pid    int
	conn   net.Conn
	reader *bufio.Reader
}

func startChild(b *testing.B, kind string) *child {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestChildServer$")
	cmd.Env = append(os.Environ(), childVariable+"="+kind, "GOGC=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	stop, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = stop.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		b.Fatal(err)
	}
	c := &child{pid: cmd.Process.Pid}
	if err := json.Unmarshal(line, &c.announcement); err != nil {
		b.Fatal(err)
	}
	return connect(b, c)
}

// connect opens the connection of a child.
func connect(b *testing.B, c *child) *child {
	b.Helper()
	var err error
	if c.conn, err = new(net.Dialer).DialContext(b.Context(), "tcp", c.Address); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.conn.Close() })
	c.reader = bufio.NewReader(c.conn)
	return c
}

// call sends a request and returns the body of its answer.
func (c *child) call(b *testing.B, request string, status int) []byte {
	b.Helper()
	if _, err := io.WriteString(c.conn, request); err != nil {
		b.Fatal(err)
	}
	res, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		b.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if err != nil || res.StatusCode != status {
		b.Fatalf("%d %s, %v", res.StatusCode, body, err)
	}
	return body
}

// measure runs f for each iteration and reports the child's processor time for each.
func (c *child) measure(b *testing.B, f func()) {
	b.Helper()
	for range 200 { // caches and pools fill
		f()
	}
	before := c.used(b)
	for b.Loop() {
		f()
	}
	b.ReportMetric(float64((c.used(b)-before).Microseconds())/float64(b.N), "server-cpu-µs/op")
}

// used returns the processor time of the child, from the kernel's books of its threads, in nanoseconds.
func (c *child) used(b *testing.B) time.Duration {
	b.Helper()
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", c.pid))
	if err != nil {
		b.Fatal(err)
	}
	var total time.Duration
	for _, thread := range threads {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/schedstat", c.pid, thread.Name()))
		if err != nil {
			continue // it has ended
		}
		n, err := strconv.ParseInt(strings.Fields(string(raw))[0], 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		total += time.Duration(n)
	}
	return total
}

func verifyRequest(token string) string {
	return "GET " + securityapi.Base +
		"/auth/verify HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\nAuthorization: Bearer " + token + "\r\n\r\n"
}

func postRequest(path, token, body string) string {
	authorization := ""
	if token != "" {
		authorization = "Authorization: Bearer " + token + "\r\n"
	}
	return fmt.Sprintf(
		"POST %s%s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench/1.0\r\n%sContent-Type: "+
			"application/json\r\nContent-Length: %d\r\n\r\n%s",
		securityapi.Base, path, authorization, len(body), body)
}

// BenchmarkHTTPVerifyBare is the base of BenchmarkHTTPVerifyRatio.
func BenchmarkHTTPVerifyBare(b *testing.B) {
	c := startChild(b, "bare")
	request := verifyRequest(c.Access)
	c.measure(b, func() { c.call(b, request, http.StatusOK) })
}

// BenchmarkHTTPVerify is GET /auth/verify.
func BenchmarkHTTPVerify(b *testing.B) {
	c := startChild(b, "whole")
	request := verifyRequest(c.Access)
	c.measure(b, func() { c.call(b, request, http.StatusOK) })
}

// BenchmarkHTTPVerifyRatio reports how much more a verify of the whole program costs than the bare handler. The log of
// the program is a file.
func BenchmarkHTTPVerifyRatio(b *testing.B) {
	bare, whole := startChild(b, "bare"), startProgram(b).signIn(b)
	ratio := medianRatio(b, whole.cost(b, verifyRequest(whole.Access)), bare.cost(b, verifyRequest(bare.Access)))
	withLimit(b, "verify / bare handler", ratio, 1.5, "times-bare")
}

// BenchmarkHTTPPermissionRatio reports how much more the check of one permission costs than a verify.
func BenchmarkHTTPPermissionRatio(b *testing.B) {
	c := startProgram(b).signIn(b)
	ratio := medianRatio(b, c.cost(b, c.permissionRequest(b)), c.cost(b, verifyRequest(c.Access)))
	withLimit(b, "permission check / verify", ratio, 1.3, "times-verify")
}

// BenchmarkHTTPLogin is POST /auth/login beyond its hash.
func BenchmarkHTTPLogin(b *testing.B) {
	c := startChild(b, "whole")
	request := postRequest("/auth/login", "", `{"username":"ada","password":"`+password+`"}`)
	c.measure(b, func() { c.call(b, request, http.StatusOK) })
}

// BenchmarkHTTPRefresh is POST /auth/refresh, each with the token of the one before.
func BenchmarkHTTPRefresh(b *testing.B) {
	c := startChild(b, "whole")
	token := c.Refresh
	c.measure(b, func() {
		var answer struct {
			Token string `json:"refresh_token"`
		}
		body := c.call(b, postRequest("/auth/refresh", "", `{"refresh_token":"`+token+`"}`), http.StatusOK)
		if err := json.Unmarshal(body, &answer); err != nil {
			b.Fatal(err)
		}
		token = answer.Token
	})
}

// BenchmarkHTTPCreateUser is POST /users with a password, beyond its hash.
func BenchmarkHTTPCreateUser(b *testing.B) {
	c := startChild(b, "whole")
	n := 0
	c.measure(b, func() {
		n++
		body := fmt.Sprintf(`{"username":"user%d","email":"user%d@example.com","password":"Staple-9-Wagon-Umbrella"}`, n, n)
		c.call(b, postRequest("/users", c.Access, body), http.StatusCreated)
	})
}

// BenchmarkHTTPPermission is the check of one permission.
func BenchmarkHTTPPermission(b *testing.B) {
	c := startChild(b, "whole")
	request := c.permissionRequest(b)
	c.measure(b, func() { c.call(b, request, http.StatusOK) })
}

func (c *child) permissionRequest(b *testing.B) string {
	b.Helper()
	var me struct {
		ID string `json:"user_id"`
	}
	if err := json.Unmarshal(c.call(b, verifyRequest(c.Access), http.StatusOK), &me); err != nil {
		b.Fatal(err)
	}
	return strings.Replace(verifyRequest(c.Access), "/auth/verify", "/users/"+me.ID+"/permissions/bots.manage", 1)
}

// cost returns a function that sends the request 200 times and returns the child's processor time for it.
func (c *child) cost(b *testing.B, request string) func() float64 {
	b.Helper()
	return func() float64 {
		before := c.used(b)
		for range 200 {
			c.call(b, request, http.StatusOK)
		}
		return float64(c.used(b) - before)
	}
}
