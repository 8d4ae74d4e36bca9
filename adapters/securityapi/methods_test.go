package securityapi_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/test/apicheck"
)

const appOrigin = "https://app.example.com"

// served is a path of the document with what may be sent to it.
type served struct {
	path    string
	methods []string
	headers []string // beside those that every call takes
}

// documented lists the paths of the document, with something in the place of each parameter.
func documented(t *testing.T) (all []served) {
	t.Helper()
	check, err := apicheck.New(t.Context(), document(t))
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range check.Document.Paths.Map() {
		s := served{path: securityapi.Base + strings.NewReplacer("{", "x-", "}", "").Replace(path)}
		if len(item.Servers) > 0 {
			s.path = path
		}
		for method, o := range item.Operations() {
			if o.Extensions["x-socket-only"] != nil {
				continue
			}
			s.methods = append(s.methods, method)
			if method == http.MethodGet {
				s.methods = append(s.methods, http.MethodHead)
			}
			if o.RequestBody != nil || method == http.MethodPost {
				s.headers = append(s.headers, "Content-Type")
			}
			for _, p := range o.Parameters {
				if p.Value.In == openapi3.ParameterInHeader {
					s.headers = append(s.headers, p.Value.Name)
				}
			}
		}
		if len(s.methods) > 0 {
			all = append(all, s)
		}
	}
	return all
}

// reply is what of an answer counts here.
type reply struct {
	StatusCode int
	Header     http.Header
}

func ask(t *testing.T, method, url string, header http.Header) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	return reply{res.StatusCode, res.Header}
}

func sorted(list ...string) string {
	slices.Sort(list)
	return strings.Join(slices.Compact(list), ", ")
}

func TestAllowNamesTheDocumentsMethods(t *testing.T) {
	t.Parallel()
	base := open(t, securityapi.Config{})
	for _, s := range documented(t) {
		for _, method := range []string{http.MethodOptions, http.MethodPut, http.MethodTrace} {
			if slices.Contains(s.methods, method) {
				continue
			}
			res := ask(t, method, base+s.path, http.Header{})
			allow := sorted(strings.Split(res.Header.Get("Allow"), ", ")...)
			if want := sorted(s.methods...); res.StatusCode != http.StatusMethodNotAllowed || allow != want {
				t.Errorf("%s %s: %d, Allow %q, want %q", method, s.path, res.StatusCode, allow, want)
			}
		}
	}
}

func TestAPreflightNamesTheDocumentsMethodsAndHeaders(t *testing.T) {
	t.Parallel()
	base := open(t, securityapi.Config{CORSOrigins: []string{appOrigin}})
	for _, s := range documented(t) {
		res := ask(t, http.MethodOptions, base+s.path, http.Header{
			"Origin":                        {appOrigin},
			"Access-Control-Request-Method": {s.methods[0]},
		})
		want := append([]string{"X-Request-ID"}, s.headers...)
		if strings.HasPrefix(s.path, securityapi.Base) {
			want = append(want, "Authorization", "X-API-KEY")
		}
		methods := sorted(strings.Split(res.Header.Get("Access-Control-Allow-Methods"), ", ")...)
		headers := sorted(strings.Split(res.Header.Get("Access-Control-Allow-Headers"), ", ")...)
		if res.StatusCode != http.StatusNoContent || res.Header.Get("Access-Control-Allow-Origin") != appOrigin ||
			res.Header.Get("Access-Control-Allow-Credentials") != "" || methods != sorted(s.methods...) ||
			headers != sorted(want...) {
			t.Errorf("%s: %d %v, want %v and %v", s.path, res.StatusCode, res.Header, s.methods, want)
		}
	}
	for origin, path := range map[string]string{
		"https://evil.example.com": securityapi.Base + "/auth/login", "null": "/.well-known/jwks.json", appOrigin: "/docs",
	} {
		res := ask(t, http.MethodOptions, base+path, http.Header{
			"Origin":                        {origin},
			"Access-Control-Request-Method": {"GET"},
		})
		if res.StatusCode != http.StatusMethodNotAllowed || res.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s from %s: %d %v", path, origin, res.StatusCode, res.Header)
		}
	}
}
