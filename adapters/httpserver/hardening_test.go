package httpserver_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/fault"
)

// bomb returns zeros, gzipped twice: a few kilobytes that inflate to any size.
func bomb(t *testing.T, size int) string {
	t.Helper()
	zeros := make([]byte, 1<<20)
	var once, twice bytes.Buffer
	w, _ := gzip.NewWriterLevel(&once, gzip.BestSpeed)
	for range size >> 20 {
		_, _ = w.Write(zeros)
	}
	_ = w.Close()
	w = gzip.NewWriter(&twice)
	_, _ = w.Write(once.Bytes())
	_ = w.Close()
	return twice.String()
}

func TestCompressedBodiesAreRefusedUnread(t *testing.T) { //nolint:paralleltest // it measures the memory of the process
	called := false
	address, _ := start(t, httpserver.Config{},
		testAPI(post("/auth/login", httpserver.Public(), func(r *httpserver.Request) error {
			called = true
			return r.Decode(&struct{}{})
		})))
	body := bomb(t, 64<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, encoding := range []string{"gzip", "gzip, gzip", "br", "deflate", "zstd", "identity", "nonsense"} {
		a := call(t, http.MethodPost, address, prefix+"/auth/login", body, "Content-Encoding: "+encoding)
		wantFailure(t, a, http.StatusUnsupportedMediaType, "unsupported_encoding")
	}
	runtime.ReadMemStats(&after)
	if called {
		t.Error("the handler was called")
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 20<<20 {
		t.Errorf("%d bytes were allocated", grown)
	}
	large := strings.Repeat("x", 200<<10)
	a := call(t, http.MethodPost, address, prefix+"/auth/login", large, "Content-Encoding: gzip")
	wantFailure(t, a, http.StatusUnsupportedMediaType, "unsupported_encoding")
	a, _ = rawCall(t, address, "POST "+prefix+
		"/auth/login HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n")
	wantFailure(t, a, http.StatusUnsupportedMediaType, "unsupported_encoding")
}

func TestKeptStringsAreNotOverwrittenByLaterRequests(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	kept := map[string]string{}
	address, _ := start(t, httpserver.Config{},
		testAPI(get("/users/{user_id}", httpserver.Public(), func(r *httpserver.Request) error {
			mu.Lock()
			defer mu.Unlock()
			kept[r.Param("user_id")] = r.Header("X-Mark") + r.Path() + r.Origin.UserAgent + r.Origin.RequestID
			return ok(r)
		})))
	for i := range 200 {
		id := fmt.Sprintf("usr_%06d", i)
		call(t, http.MethodGet, address, prefix+"/users/"+id, "", "X-Mark: "+id, "User-Agent: agent-"+id,
			"X-Request-ID: id-"+id)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(kept) != 200 {
		t.Errorf("%d ids were kept", len(kept))
	}
	for id, text := range kept {
		if want := id + prefix + "/users/" + id + "agent-" + id + "id-" + id; text != want {
			t.Fatalf("kept %q with %q", id, text)
		}
	}
}

func TestRoutesAreMatchedExactly(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(get("/admin/x", httpserver.Public(), ok)))
	if a := call(t, http.MethodGet, address, prefix+"/admin/x", ""); a.Status != http.StatusOK {
		t.Fatalf("status %d", a.Status)
	}
	for _, path := range []string{
		"/ADMIN/x", "/admin/X", "/admin/x/", "//admin/x", "/admin//x", "/admin/./x",
		"/admin/y/../x", "/admin%2fx",
	} {
		wantFailure(t, call(t, http.MethodGet, address, prefix+path, ""), http.StatusNotFound, "not_found")
	}
	wantFailure(t, call(t, http.MethodGet, address, "/API/v1/security/admin/x", ""), http.StatusNotFound, "not_found")
}

func TestUnsupportedMethodsAre405WithAllow(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(
		get("/users/{user_id}", httpserver.Public(), ok),
		httpserver.Route{Method: http.MethodDelete, Path: "/users/{user_id}", Access: httpserver.Public(), Handler: ok},
	))
	for _, method := range []string{"POST", "PUT", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X"} {
		a, answered := rawCall(t, address, method+" "+prefix+"/users/u HTTP/1.1\r\nHost: x\r\nX-Secret: canary\r\n\r\n")
		if !answered {
			t.Fatalf("%s: no answer", method)
		}
		wantFailure(t, a, http.StatusMethodNotAllowed, "method_not_allowed")
		if got := a.Header.Get("Allow"); got != "GET, HEAD, DELETE" {
			t.Errorf("%s: Allow %q", method, got)
		}
		if strings.Contains(a.Raw, "canary") {
			t.Errorf("%s was echoed", method)
		}
	}
	a, _ := rawCall(t, address, "TRACE /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
	wantFailure(t, a, http.StatusNotFound, "not_found")
	if head := call(t, http.MethodHead, address, prefix+"/users/u", ""); head.Status != http.StatusOK || head.Raw != "" {
		t.Errorf("HEAD answered %d %q", head.Status, head.Raw)
	}
}

func TestSizesAreLimited(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(
		post("/echo", httpserver.Public(), func(r *httpserver.Request) error {
			var in struct {
				Text string `json:"text"`
			}
			if err := r.Decode(&in); err != nil {
				return err
			}
			return ok(r)
		}),
		get("/get", httpserver.Public(), ok),
	))
	text := func(n int) string { return `{"text":"` + strings.Repeat("a", n-len(`{"text":""}`)) + `"}` }
	if a := call(t, http.MethodPost, address, prefix+"/echo", text(64<<10)); a.Status != http.StatusOK {
		t.Errorf("64 KiB: %d %s", a.Status, a.Raw)
	}
	for _, size := range []int{64<<10 + 1, 70 << 10, 1 << 20, 8 << 20} {
		wantFailure(t, call(t, http.MethodPost, address, prefix+"/echo", text(size)), http.StatusRequestEntityTooLarge,
			"body_too_large")
	}
	chunk := strings.Repeat("a", 0x8000)
	request := "POST " + prefix +
		"/echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n" +
		strings.Repeat("8000\r\n"+chunk+"\r\n", 4)
	a, _ := rawCall(t, address, request)
	wantFailure(t, a, http.StatusRequestEntityTooLarge, "body_too_large")
	a, _ = rawCall(t, address,
		"POST "+prefix+"/echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n")
	wantFailure(t, a, http.StatusRequestEntityTooLarge, "body_too_large")
	if a := call(t, http.MethodGet, address, prefix+"/get", "",
		"X-Long: "+strings.Repeat("h", 12<<10)); a.Status != http.StatusOK {
		t.Errorf("12 KiB of header: %d", a.Status)
	}
	wantFailure(t, call(t, http.MethodGet, address, prefix+"/get", "", "X-Long: "+strings.Repeat("h", 20<<10)),
		http.StatusRequestHeaderFieldsTooLarge, "header_too_large")
	wantFailure(t, call(t, http.MethodGet, address, prefix+"/get?q="+strings.Repeat("q", 5<<10), ""),
		http.StatusRequestHeaderFieldsTooLarge, "header_too_large")
}

func TestSlowRequestsTimeOut(t *testing.T) {
	t.Parallel()
	cfg := httpserver.Config{ReadTimeout: 50 * time.Millisecond, IdleTimeout: 50 * time.Millisecond}
	address, _ := start(t, cfg, testAPI(post("/echo", httpserver.Public(), ok)))
	for name, request := range map[string]string{
		"half a head": "POST " + prefix + "/echo HTTP/1.1\r\nHost: x\r\n",
		"half a body": "POST " + prefix +
			"/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{",
	} {
		a, answered := rawCall(t, address, request)
		for range 100 { // a machine under load may send nothing in time, and a silent connection is just closed
			if answered {
				break
			}
			a, answered = rawCall(t, address, request)
		}
		if !answered {
			t.Fatalf("%s: closed without an answer", name)
		}
		wantFailure(t, a, http.StatusRequestTimeout, "request_timeout")
	}
	if a, answered := rawCall(t, address, ""); answered && a.Status != http.StatusRequestTimeout {
		t.Errorf("a silent connection was answered with %d", a.Status)
	}
}

func TestAmbiguousFramingIsRefused(t *testing.T) {
	t.Parallel()
	calls := 0
	address, _ := start(t, httpserver.Config{},
		testAPI(post("/echo", httpserver.Public(), func(r *httpserver.Request) error {
			calls++
			return ok(r)
		})))
	head := "POST " + prefix + "/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for name, request := range map[string]string{
		"two lengths":           head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{} ",
		"the same length twice": head + "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
		"a list of lengths":     head + "Content-Length: 2, 2\r\n\r\n{}",
		"length and chunks":     head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"length first, then chunks": "POST " + prefix +
			"/echo HTTP/1.1\r\nContent-Length: 2\r\nHost: x\r\nContent-Type: application/json\r\n" +
			"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"chunks and length":       head + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a negative length":       head + "Content-Length: -2\r\n\r\n{}",
		"a signed length":         head + "Content-Length: +2\r\n\r\n{}",
		"a length in hexadecimal": head + "Content-Length: 0x2\r\n\r\n{}",
		"an unknown coding":       head + "Transfer-Encoding: xchunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a coding under chunks":   head + "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"chunks twice": head +
			"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"a bad chunk size":         head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
		"a space before the colon": head + "Content-Length : 2\r\n\r\n{}",
		"a folded header":          head + "X-A: b\r\n c: d\r\nContent-Length: 2\r\n\r\n{}",
		"no host":                  "POST " + prefix + "/echo HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
		"a header without a colon": head + "Nonsense\r\n\r\n",
		"a NUL in a header":        head + "X-A: a\x00b\r\n\r\n",
		"a bare carriage return":   head + "X-A: a\rX-B: b\r\n\r\n",
		"an unknown version":       "POST " + prefix + "/echo HTTP/9.9\r\nHost: x\r\n\r\n",
		"no version":               "POST " + prefix + "/echo\r\nHost: x\r\n\r\n",
		"two hosts":                head + "Host: y\r\n\r\n",
	} {
		a, answered := rawCall(t, address, request)
		if answered && (a.Status < 400 || a.Status > 499) {
			t.Errorf("%s: %d %s", name, a.Status, a.Raw)
		}
		if answered && a.Header.Get("Connection") != "close" && a.Status == http.StatusBadRequest &&
			a.code() != "invalid_request" {
			t.Errorf("%s: %v %s", name, a.Header, a.Raw)
		}
	}
	if calls > 0 {
		t.Errorf("the handler was called %d times", calls)
	}
}

func TestPanicsAndUnknownErrorsRevealNothing(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(
		get("/panic", httpserver.Public(), func(*httpserver.Request) error { panic("E11000 duplicate key bob@example.com") }),
		get("/nil", httpserver.Public(),
			func(r *httpserver.Request) error { var none *http.Request; return r.JSON(200, none.URL) }),
		get("/error", httpserver.Public(), func(*httpserver.Request) error { return errors.New("E11000 bob@example.com") }),
		get("/late", httpserver.Public(), func(r *httpserver.Request) error { _ = ok(r); panic("E11000") }),
		get("/extra", httpserver.Public(),
			func(*httpserver.Request) error { return fault.ErrInvalid.With("bad", func() {}) }),
		get("/fine", httpserver.Public(), ok),
	))
	for _, path := range []string{"/panic", "/nil", "/error", "/late", "/extra"} {
		a := call(t, http.MethodGet, address, prefix+path, "")
		wantFailure(t, a, http.StatusInternalServerError, "internal")
		if strings.Contains(a.Raw, "E11000") || strings.Contains(a.Raw, "goroutine") || strings.Contains(a.Raw, `"ok"`) {
			t.Errorf("%s: %s", path, a.Raw)
		}
	}
	if a := call(t, http.MethodGet, address, prefix+"/fine", ""); a.Status != http.StatusOK {
		t.Errorf("after the panics: %d", a.Status)
	}
}

func TestForwardedHeadersAreIgnored(t *testing.T) {
	t.Parallel()
	var origins []string
	address, _ := start(t, httpserver.Config{},
		testAPI(get("/where", httpserver.Public(), func(r *httpserver.Request) error {
			origins = append(origins, r.Origin.IP())
			return ok(r)
		})))
	for _, name := range []string{
		"X-Forwarded-For", "X-Real-IP", "Forwarded", "CF-Connecting-IP", "True-Client-IP",
		"X-Client-IP",
	} {
		call(t, http.MethodGet, address, prefix+"/where", "", name+": 203.0.113.7")
	}
	for _, got := range origins {
		if got != "127.0.0.1" {
			t.Errorf("the client is %q", got)
		}
	}
}

func TestSecurityHeadersAreInEveryResponse(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{StrictTransport: true}, testAPI(get("/fine", httpserver.Public(), ok)))
	for _, path := range []string{"/fine", "/absent"} {
		a := call(t, http.MethodGet, address, prefix+path, "")
		for name, want := range map[string]string{
			"X-Content-Type-Options":    "nosniff",
			"Cache-Control":             "no-store",
			"Content-Security-Policy":   "default-src 'none'; frame-ancestors 'none'",
			"Referrer-Policy":           "no-referrer",
			"Strict-Transport-Security": "max-age=31536000; includeSubDomains",
			"Server":                    "",
		} {
			if got := a.Header.Get(name); got != want {
				t.Errorf("%s: %s is %q", path, name, got)
			}
		}
	}
}

func TestOtherOriginsGetNoCORSHeaders(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(get("/fine", httpserver.Public(), ok)))
	preflight := call(t, http.MethodOptions, address, prefix+"/fine", "", "Origin: https://evil.example",
		"Access-Control-Request-Method: GET")
	wantFailure(t, preflight, http.StatusMethodNotAllowed, "method_not_allowed")
	for _, a := range []answer{preflight, call(t, http.MethodGet, address, prefix+"/fine", "",
		"Origin: https://evil.example")} {
		for name := range a.Header {
			if strings.HasPrefix(name, "Access-Control-") {
				t.Errorf("%s: %s", name, a.Header.Get(name))
			}
		}
	}
}

func TestManySlowConnectionsDoNotBlockOthers(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(get("/fine", httpserver.Public(), ok)))
	for range 1000 {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := io.WriteString(conn, "GET "+prefix+"/fine HTTP/1.1\r\nHost: x\r\nX-Slow: "); err != nil {
			t.Fatal(err)
		}
	}
	for range 50 {
		if a := call(t, http.MethodGet, address, prefix+"/fine", ""); a.Status != http.StatusOK {
			t.Fatalf("status %d", a.Status)
		}
	}
}

// With another method it is a 405, for every client, and not the route with the parameter.
func TestALiteralPathIsNeverAParameter(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(
		post("/users/login", httpserver.Public(), ok),
		get("/users/me", httpserver.Public(), ok),
		get("/users/{user_id}", httpserver.Public(), ok),
	))
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		a := call(t, method, address, prefix+"/users/login", "")
		if a.Status != http.StatusMethodNotAllowed || a.Header.Get("Allow") != "POST" {
			t.Errorf("%s: %d, Allow %q", method, a.Status, a.Header.Get("Allow"))
		}
	}
	for _, path := range []string{"/users/me", "/users/login2"} {
		if a := call(t, http.MethodGet, address, prefix+path, ""); a.Status != http.StatusOK {
			t.Errorf("%s: %d", path, a.Status)
		}
	}
}
