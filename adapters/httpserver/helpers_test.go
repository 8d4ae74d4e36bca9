package httpserver_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

type clock struct{}

func (clock) Now() time.Time { return time.Now() }

const prefix = "/api/v1/security"

// testAPI serves the routes under the Security API's prefix. The token "good" is a user who holds users.read.
func testAPI(routes ...httpserver.Route) httpserver.API {
	return httpserver.API{
		Name: "security", Prefix: prefix, Routes: routes,
		Authenticate: func(_ context.Context, credential string, from domain.Origin) (domain.Principal, error) {
			if credential != "good" {
				return domain.Principal{}, fault.ErrUnauthorized
			}
			grants := domain.Grants{{Source: "role:user", Permission: domain.UsersRead}}
			return domain.Principal{Kind: domain.PrincipalUser, UserID: "usr_1", Grants: grants, Origin: from}, nil
		},
	}
}

// start serves the APIs on a free port of the loopback until the test ends.
func start(tb testing.TB, cfg httpserver.Config, apis ...httpserver.API) (address string, server *httpserver.Server) {
	tb.Helper()
	cfg.Address, cfg.Clock = "127.0.0.1:0", clock{}
	server, err := httpserver.New(cfg, apis...)
	if err != nil {
		tb.Fatal(err)
	}
	if err := server.Open(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Close(ctx)
	})
	return server.Addr().String(), server
}

func get(path string, access httpserver.Access, handler httpserver.Handler) httpserver.Route {
	return httpserver.Route{Method: http.MethodGet, Path: path, Access: access, Handler: handler}
}

func post(path string, access httpserver.Access, handler httpserver.Handler) httpserver.Route {
	return httpserver.Route{Method: http.MethodPost, Path: path, Access: access, Handler: handler}
}

func ok(r *httpserver.Request) error { return r.JSON(http.StatusOK, map[string]any{"ok": true}) }

// answer is what came back.
type answer struct {
	Status int
	Header http.Header
	Body   map[string]any
	Raw    string
	Closes bool // the connection, after it
}

func (a answer) code() string {
	code, _ := a.Body["error"].(string)
	return code
}

// fields returns the names in details.
func (a answer) fields() string {
	details, _ := a.Body["details"].([]any)
	var names []string
	for _, d := range details {
		m, _ := d.(map[string]any)
		name, _ := m["field"].(string)
		names = append(names, name)
	}
	return strings.Join(names, ",")
}

// call sends one request with headers given as "Name: value".
func call(tb testing.TB, method, address, path, body string, headers ...string) answer {
	tb.Helper()
	req, err := http.NewRequestWithContext(tb.Context(), method, "http://"+address+path, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if strings.EqualFold(name, "Content-Type") {
			req.Header.Set(name, value)
			continue
		}
		req.Header.Add(name, value)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return read(tb, res)
}

func read(tb testing.TB, res *http.Response) answer {
	tb.Helper()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		tb.Fatal(err)
	}
	a := answer{Status: res.StatusCode, Header: res.Header, Raw: string(raw), Closes: res.Close}
	_ = json.Unmarshal(raw, &a.Body)
	return a
}

// rawCall writes bytes as they are and reads one answer; ok is false when the server just closed the connection.
func rawCall(tb testing.TB, address, request string) (a answer, ok bool) {
	tb.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(conn, request); err != nil {
		return answer{}, false
	}
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return answer{}, false
	}
	defer func() { _ = res.Body.Close() }()
	return read(tb, res), true
}

// wantFailure checks the contract's error shape.
func wantFailure(tb testing.TB, a answer, status int, code string) {
	tb.Helper()
	if a.Status != status || a.code() != code {
		tb.Fatalf("answer %d %q, want %d %q: %s", a.Status, a.code(), status, code, a.Raw)
	}
	message, _ := a.Body["message"].(string)
	id, _ := a.Body["request_id"].(string)
	if message == "" || id == "" || id != a.Header.Get("X-Request-Id") {
		tb.Errorf("message %q, request_id %q, header %q", message, id, a.Header.Get("X-Request-Id"))
	}
	if got := a.Header.Get("Content-Type"); got != "application/json; charset=utf-8" {
		tb.Errorf("content type %q", got)
	}
	if got := a.Header.Get("Cache-Control"); got != "no-store" {
		tb.Errorf("cache control %q", got)
	}
}
