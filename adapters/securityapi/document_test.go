package securityapi_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/test/apicheck"
)

type clock struct{}

func (clock) Now() time.Time { return time.Now() }

// mount mounts the API without services: it is for looking at the routes.
func mount(t *testing.T, c securityapi.Config) *httpserver.Server {
	t.Helper()
	apis, err := securityapi.New(new(core.Services), c)
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: clock{}}, apis...)
	if err != nil {
		t.Fatal(err)
	}
	return server
}

// document returns the OpenAPI document.
func document(t *testing.T) []byte {
	t.Helper()
	raw, err := securityapi.Document()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestRouteTableMatchesTheDocument(t *testing.T) {
	t.Parallel()
	check, err := apicheck.New(t.Context(), document(t))
	if err != nil {
		t.Fatal(err)
	}
	var public, all, mounted []string
	for _, o := range check.Operations() {
		line := o.Method + " " + o.Path + " " + o.Access
		if !o.SocketOnly {
			public = append(public, line)
		}
		if strings.HasPrefix(o.Path, securityapi.Base) {
			all = append(all, line)
		}
	}
	for _, r := range mount(t, securityapi.Config{}).Routes() {
		if r.API == "security" {
			mounted = append(mounted, r.Method+" "+r.Path+" "+r.Access.String())
		}
	}
	local, err := securityapi.NewLocal(new(core.Services), securityapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var onSocket []string
	for _, r := range local.Routes {
		onSocket = append(onSocket, r.Method+" "+local.Prefix+r.Path+" "+r.Access.String())
	}
	for _, list := range [][]string{public, all, mounted, onSocket} {
		slices.Sort(list)
	}
	if diff := cmp.Diff(public, mounted); diff != "" {
		t.Errorf("document (-) and public routes (+) differ:\n%s", diff)
	}
	if diff := cmp.Diff(all, onSocket); diff != "" {
		t.Errorf("document (-) and routes of the control socket (+) differ:\n%s", diff)
	}
}

func TestSocketOnlyRoutesDoNotMountElsewhere(t *testing.T) {
	t.Parallel()
	local, err := securityapi.NewLocal(new(core.Services), securityapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := httpserver.New(httpserver.Config{Clock: clock{}}, local); err == nil {
		t.Error("the routes of the control socket were mounted on another listener")
	}
	if _, err := httpserver.New(httpserver.Config{Clock: clock{}, ControlSocket: true}, local); err != nil {
		t.Error(err)
	}
}

func TestEveryOperationIsDescribed(t *testing.T) {
	t.Parallel()
	check, err := apicheck.New(t.Context(), document(t))
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for path, item := range check.Document.Paths.Map() {
		for method, o := range item.Operations() {
			if o.Summary == "" || o.OperationID == "" || ids[o.OperationID] || len(o.Tags) != 1 {
				t.Errorf("%s %s: summary %q, id %q, tags %v", method, path, o.Summary, o.OperationID, o.Tags)
			}
			ids[o.OperationID] = true
			for _, status := range []string{"400", "500", "503"} {
				if o.Responses.Value(status) == nil {
					t.Errorf("%s %s has no %s", method, path, status)
				}
			}
		}
	}
}

func open(t *testing.T, c securityapi.Config) string {
	t.Helper()
	server := mount(t, c)
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.WithoutCancel(t.Context())) })
	return "http://" + server.Addr().String()
}

func fetch(t *testing.T, url, encoding string) (http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", encoding)
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	reader := io.Reader(res.Body)
	if res.Header.Get("Content-Encoding") == "gzip" {
		if reader, err = gzip.NewReader(res.Body); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := io.ReadAll(reader)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %d, %v", url, res.StatusCode, err)
	}
	return res.Header, string(raw)
}

func TestServedDocumentMatchesMountedRoutes(t *testing.T) {
	t.Parallel()
	_, raw := fetch(t, open(t, securityapi.Config{})+"/openapi.json", "identity")
	check, err := apicheck.New(t.Context(), []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range check.Operations() {
		if o.SocketOnly {
			t.Errorf("%s %s is not mounted", o.Method, o.Path)
		}
	}
	if n := len(check.Operations()); n < 30 {
		t.Errorf("only %d operations", n)
	}
}

func TestThePageNeedsNothingFromElsewhere(t *testing.T) {
	t.Parallel()
	address := open(t, securityapi.Config{})
	for path, kind := range map[string]string{
		"/docs": "text/html; charset=utf-8", "/docs/": "text/html; charset=utf-8",
		"/docs/page.js": "text/javascript; charset=utf-8", "/docs/page.css": "text/css; charset=utf-8",
		"/openapi.json": "application/json; charset=utf-8",
	} {
		zipped, one := fetch(t, address+path, "gzip")
		plain, other := fetch(t, address+path, "identity")
		if one != other || one == "" || zipped.Get("Content-Encoding") != "gzip" || plain.Get("Content-Encoding") != "" {
			t.Errorf("%s differs by encoding", path)
		}
		if got := zipped.Get("Content-Type"); got != kind {
			t.Errorf("%s is %q", path, got)
		}
		if policy := zipped.Get("Content-Security-Policy"); !strings.Contains(policy,
			"default-src 'none'; script-src 'self';") {
			t.Errorf("%s has the policy %q", path, policy)
		}
	}
	_, page := fetch(t, address+"/docs", "gzip")
	if strings.Contains(page, "://") || strings.Contains(page, "<script>") || strings.Contains(page, "style=") {
		t.Error("the page has scripts of its own or from elsewhere")
	}
}
