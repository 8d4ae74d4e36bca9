package httpserver_test

import (
	"net/http"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

func TestIfNoneMatchAnswersNotModified(t *testing.T) {
	t.Parallel()
	tagged := func(r *httpserver.Request) error {
		r.SetHeader("ETag", `"7"`)
		return ok(r)
	}
	address, _ := start(t, httpserver.Config{}, testAPI(
		get("/tagged", httpserver.Public(), tagged),
		get("/plain", httpserver.Public(), ok),
		get("/private", httpserver.SignedIn(), tagged),
		post("/tagged", httpserver.Public(), tagged),
	))
	tests := map[string]struct {
		method, path string
		headers      []string
		status       int
	}{
		"the tag": {http.MethodGet, "/tagged", []string{`If-None-Match: "7"`}, http.StatusNotModified},
		"the tag, weak": {
			http.MethodGet, "/tagged",
			[]string{`If-None-Match: W/"7"`},
			http.StatusNotModified,
		},
		"a HEAD request": {http.MethodHead, "/tagged", []string{`If-None-Match: "7"`}, http.StatusNotModified},
		"any":            {http.MethodGet, "/tagged", []string{`If-None-Match: *`}, http.StatusNotModified},
		"a list": {
			http.MethodGet, "/tagged",
			[]string{`If-None-Match: "a,b" , W/"6",, "7"`},
			http.StatusNotModified,
		},
		"two headers": {
			http.MethodGet, "/tagged",
			[]string{`If-None-Match: "6"`, `If-None-Match: "7"`},
			http.StatusNotModified,
		},
		"no header":                     {http.MethodGet, "/tagged", nil, http.StatusOK},
		"another tag":                   {http.MethodGet, "/tagged", []string{`If-None-Match: "77"`}, http.StatusOK},
		"the tag within another":        {http.MethodGet, "/tagged", []string{`If-None-Match: "a,"7"`}, http.StatusOK},
		"a tag without quotes":          {http.MethodGet, "/tagged", []string{`If-None-Match: 7`}, http.StatusOK},
		"a tag that does not end":       {http.MethodGet, "/tagged", []string{`If-None-Match: "7`}, http.StatusOK},
		"a lower-case weakness":         {http.MethodGet, "/tagged", []string{`If-None-Match: w/"7"`}, http.StatusOK},
		"an answer without a tag":       {http.MethodGet, "/plain", []string{`If-None-Match: *`}, http.StatusOK},
		"a POST request":                {http.MethodPost, "/tagged", []string{`If-None-Match: "7"`}, http.StatusOK},
		"a refusal stays a refusal":     {http.MethodGet, "/private", []string{`If-None-Match: *`}, http.StatusUnauthorized},
		"what is not there is not kept": {http.MethodGet, "/none", []string{`If-None-Match: *`}, http.StatusNotFound},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := call(t, tt.method, address, prefix+tt.path, "", tt.headers...)
			if a.Status != tt.status {
				t.Fatalf("%d, want %d", a.Status, tt.status)
			}
			if a.Status == http.StatusNotModified && (a.Raw != "" || a.Header.Get("ETag") != `"7"` ||
				a.Header.Get("X-Request-Id") == "") {
				t.Errorf("body %q, headers %v", a.Raw, a.Header)
			}
		})
	}
}
