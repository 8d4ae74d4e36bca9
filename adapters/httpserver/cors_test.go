package httpserver_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

const listed = "https://app.example.com"

// shared serves an API that pages of one origin may call, one beside it at the root, and one that no page may.
func shared(t *testing.T) (address string) {
	t.Helper()
	api := testAPI(
		get("/things", httpserver.SignedIn(), ok), post("/things", httpserver.SignedIn(), ok),
		httpserver.Route{
			Method: http.MethodPatch, Path: "/things", Access: httpserver.Public(), Handler: ok,
			Headers: []string{"If-Match"},
		},
		get("/things/{id}", httpserver.Public(), ok), post("/things/new", httpserver.Public(), ok),
		httpserver.Route{Method: http.MethodDelete, Path: "/things/{id}", Access: httpserver.Public(), Handler: ok},
	)
	api.CORS = httpserver.CORS{Origins: []string{"https://other.example.com", listed}, Headers: []string{"Authorization"}}
	keys := httpserver.API{
		Name: "keys", Routes: []httpserver.Route{get("/.well-known/keys", httpserver.Public(), ok)},
		CORS: httpserver.CORS{Origins: []string{listed}},
	}
	closed := httpserver.API{
		Name: "closed", Prefix: "/closed",
		Routes: []httpserver.Route{get("/things", httpserver.Public(), ok)},
	}
	address, _ = start(t, httpserver.Config{}, api, keys, closed)
	return address
}

func TestPreflightReturnsTheRoutesHeadersAndMethods(t *testing.T) {
	t.Parallel()
	address := shared(t)
	for path, want := range map[string]struct{ methods, headers string }{
		prefix + "/things":     {"GET, HEAD, POST, PATCH", "Authorization, Content-Type, If-Match"},
		prefix + "/things/1":   {"GET, HEAD, DELETE", "Authorization"},
		prefix + "/things/new": {"POST", "Authorization, Content-Type"},
		"/.well-known/keys":    {"GET, HEAD", ""},
	} {
		a := call(t, http.MethodOptions, address, path, "", "Origin: "+listed, "Access-Control-Request-Method: GET",
			"Access-Control-Request-Headers: x-other, authorization")
		if a.Status != http.StatusNoContent || a.Raw != "" {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
		for name, value := range map[string]string{
			"Access-Control-Allow-Origin": listed, "Access-Control-Allow-Methods": want.methods,
			"Access-Control-Allow-Headers": want.headers,
			"Access-Control-Max-Age":       "600", "Access-Control-Allow-Credentials": "",
		} {
			if got := a.Header.Get(name); got != value {
				t.Errorf("%s: %s is %q, want %q", path, name, got, value)
			}
		}
		if vary := strings.Join(a.Header.Values("Vary"), ", "); !strings.HasPrefix(vary, "Origin") {
			t.Errorf("%s: Vary is %q", path, vary)
		}
	}
	a := call(t, http.MethodOptions, address, prefix+"/none", "", "Origin: "+listed, "Access-Control-Request-Method: GET")
	wantFailure(t, a, http.StatusNotFound, "not_found")
}

func TestPagesOfOtherOriginsGetNoCORSHeaders(t *testing.T) {
	t.Parallel()
	address := shared(t)
	for _, origin := range []string{
		"", "null", "https://evil.example.com", "http://app.example.com", listed + "/", listed + ":443",
		listed + ".evil.example",
		"https://APP.example.com", "*", listed + ", " + listed,
	} {
		for _, method := range []string{http.MethodGet, http.MethodOptions} {
			a := call(t, method, address, prefix+"/things/1", "", "Origin: "+origin, "Access-Control-Request-Method: GET")
			if want := map[string]int{http.MethodGet: 200, http.MethodOptions: 405}[method]; a.Status != want {
				t.Errorf("%s from %q: %d", method, origin, a.Status)
			}
			wantNothingShared(t, method+" from "+origin, a)
			if a.Header.Get("Vary") != "Origin" {
				t.Errorf("%s from %q: Vary is %q", method, origin, a.Header.Get("Vary"))
			}
		}
	}
	a := call(t, http.MethodGet, address, "/closed/things", "", "Origin: "+listed)
	wantNothingShared(t, "another API", a)
	wantNothingShared(t, "the health page", call(t, http.MethodGet, address, "/healthz", "", "Origin: "+listed))
}

func wantNothingShared(t *testing.T, what string, a answer) {
	t.Helper()
	for name := range a.Header {
		if strings.HasPrefix(name, "Access-Control-") {
			t.Errorf("%s: %s is %q", what, name, a.Header.Get(name))
		}
	}
}

// Without CORS headers the browser hides an error response from the page.
func TestAPageCanReadEveryAnswer(t *testing.T) {
	t.Parallel()
	address := shared(t)
	for what, a := range map[string]answer{
		"success":       call(t, http.MethodGet, address, prefix+"/things/1", "", "Origin: "+listed),
		"not signed in": call(t, http.MethodGet, address, prefix+"/things", "", "Origin: "+listed),
		"not found":     call(t, http.MethodGet, address, prefix+"/none", "", "Origin: "+listed),
		"wrong method":  call(t, http.MethodDelete, address, prefix+"/things", "", "Origin: "+listed),
		"too large": call(t, http.MethodPost, address, prefix+"/things?a=b", strings.Repeat("x", 70_000),
			"Origin: "+listed),
		"long address": call(t, http.MethodGet, address, prefix+"/things?a="+strings.Repeat("b", 5000), "",
			"Origin: "+listed),
		"compressed": call(t, http.MethodPost, address, prefix+"/things", "x", "Origin: "+listed, "Content-Encoding: br"),
		"the keys":   call(t, http.MethodGet, address, "/.well-known/keys", "", "Origin: "+listed),
	} {
		exposed := a.Header.Get("Access-Control-Expose-Headers")
		if a.Header.Get("Access-Control-Allow-Origin") != listed || a.Header.Get("Access-Control-Allow-Credentials") != "" ||
			exposed != "RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Request-ID, ETag, Location" ||
			a.Header.Get("Cross-Origin-Resource-Policy") != "cross-origin" {
			t.Errorf("%s: %d %v", what, a.Status, a.Header)
		}
	}
}

// TestAllowNamesTheMethodsThatThePathHas asks each path by every method.
func TestAllowNamesTheMethodsThatThePathHas(t *testing.T) {
	t.Parallel()
	address := shared(t)
	for _, path := range []string{"/things", "/things/1", "/things/new"} {
		allow := call(t, http.MethodOptions, address, prefix+path, "").Header.Get("Allow")
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} {
			a := call(t, method, address, prefix+path, "")
			named := strings.Contains(", "+allow+",", ", "+method+",")
			if (a.Status == http.StatusMethodNotAllowed) == named || !named && a.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q", method, path, a.Status, allow)
			}
		}
	}
}
