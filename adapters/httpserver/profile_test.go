package httpserver_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

func TestProfilesAreOffByDefaultAndNeverPublic(t *testing.T) {
	t.Parallel()
	_, server := start(t, httpserver.Config{MetricsAddress: "127.0.0.1:0"})
	for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile"} {
		if a := call(t, http.MethodGet, server.MetricsAddr().String(), path, ""); a.Status != http.StatusNotFound {
			t.Errorf("%s without the setting: %d", path, a.Status)
		}
	}
	address, _ := start(t, httpserver.Config{MetricsAddress: "127.0.0.1:0", Profile: true})
	wantFailure(t, call(t, http.MethodGet, address, "/debug/pprof/heap", ""), http.StatusNotFound, "not_found")
}

func TestProfilesOnTheMetricsListener(t *testing.T) {
	t.Parallel()
	_, server := start(t, httpserver.Config{MetricsAddress: "127.0.0.1:0", Profile: true})
	metrics := server.MetricsAddr().String()
	for path, want := range map[string]struct {
		status int
		text   string
	}{
		"/debug/pprof/":                     {http.StatusOK, "goroutine\n"},
		"/debug/pprof/goroutine?debug=1":    {http.StatusOK, "goroutine profile: total"},
		"/debug/pprof/cmdline":              {http.StatusNotFound, "no such profile"},
		"/debug/pprof/profile?seconds=0":    {http.StatusBadRequest, "from 1 to 300"},
		"/debug/pprof/profile?seconds=301":  {http.StatusBadRequest, "from 1 to 300"},
		"/debug/pprof/profile?seconds=many": {http.StatusBadRequest, "from 1 to 300"},
	} {
		if a := call(t, http.MethodGet, metrics, path, ""); a.Status != want.status || !strings.Contains(a.Raw, want.text) {
			t.Errorf("%s: %d %.200s", path, a.Status, a.Raw)
		}
	}
	for _, path := range []string{"/debug/pprof/heap?gc=1", "/debug/pprof/allocs", "/debug/pprof/profile?seconds=1"} {
		a := call(t, http.MethodGet, metrics, path, "")
		if a.Status != http.StatusOK || !isProfile(t, a.Raw) {
			t.Errorf("%s: %d, and %d bytes that are not a profile", path, a.Status, len(a.Raw))
		}
	}
	if a := call(t, http.MethodPost, metrics, "/debug/pprof/heap", "{}"); a.Status != http.StatusBadRequest {
		t.Errorf("POST: %d", a.Status)
	}
}

// isProfile reports whether the text has the form of a profile: compressed, with the names of functions.
func isProfile(t *testing.T, text string) bool {
	t.Helper()
	unpacked, err := gzip.NewReader(strings.NewReader(text))
	if err != nil {
		return false
	}
	content, err := io.ReadAll(unpacked)
	return err == nil && bytes.Contains(content, []byte("nanoseconds")) || bytes.Contains(content, []byte("bytes"))
}

func TestMetricsAreCompressedOnRequest(t *testing.T) {
	t.Parallel()
	_, server := start(t, httpserver.Config{MetricsAddress: "127.0.0.1:0"})
	a := call(t, http.MethodGet, server.MetricsAddr().String(), "/metrics", "", "Accept-Encoding: gzip")
	unpacked, err := gzip.NewReader(strings.NewReader(a.Raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(unpacked)
	if err != nil || !strings.Contains(string(text), "ostiary_http_requests_total") ||
		a.Header.Get("Content-Type") != "text/plain; version=0.0.4; charset=utf-8" {
		t.Errorf("%v, %v: %.200s", err, a.Header, text)
	}
}
