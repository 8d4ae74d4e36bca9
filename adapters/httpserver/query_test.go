package httpserver_test

import (
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/fault"
)

func TestUnknownQueryParametersAreRefusedByName(t *testing.T) { //nolint:tparallel // what comes after the cases needs all of them
	t.Parallel()
	var effects atomic.Int64
	route := func(path string, access httpserver.Access, query httpserver.QueryNames,
		check func(*httpserver.Request) error,
	) httpserver.Route {
		handler := func(r *httpserver.Request) error {
			effects.Add(1)
			return ok(r)
		}
		return httpserver.Route{
			Method: http.MethodPost, Path: path, Access: access, Handler: handler, Query: query,
			Check: check,
		}
	}
	address, _ := start(t, httpserver.Config{}, testAPI(
		route("/none", httpserver.Public(), httpserver.QueryNames{}, nil),
		route("/some", httpserver.Public(), httpserver.QueryNames{"page": false, "action": true}, nil),
		route("/open", httpserver.Public(), nil, nil),
		route("/private", httpserver.SignedIn(), httpserver.QueryNames{}, nil),
		route("/forbidden", httpserver.Requires("system.configure"), httpserver.QueryNames{}, nil),
		route("/hidden", httpserver.SignedIn(), httpserver.QueryNames{},
			func(*httpserver.Request) error { return fault.ErrNotFound }),
	))
	const signedIn = "Authorization: Bearer good"
	tests := map[string]struct {
		path   string
		status int
		fields string
	}{
		"no query":                         {"/none", http.StatusOK, ""},
		"an empty query":                   {"/none?", http.StatusOK, ""},
		"one that the call has":            {"/some?page=1", http.StatusOK, ""},
		"a repeatable one twice":           {"/some?action=a&action=b", http.StatusOK, ""},
		"a call that ignores them":         {"/open?x=1&x=2", http.StatusOK, ""},
		"one on a call without any":        {"/none?dry_run=true", http.StatusBadRequest, "dry_run"},
		"one without a value":              {"/none?dry_run", http.StatusBadRequest, "dry_run"},
		"one beside a known one":           {"/some?page=1&pages=2", http.StatusBadRequest, "pages"},
		"several":                          {"/some?b=1&a=2", http.StatusBadRequest, "a,b"},
		"another case":                     {"/some?Page=1", http.StatusBadRequest, "Page"},
		"a single one twice":               {"/some?page=1&page=1", http.StatusBadRequest, "page"},
		"one without a name":               {"/some?=1", http.StatusBadRequest, "query"},
		"a broken escape":                  {"/none?a=%zz", http.StatusBadRequest, "query"},
		"without credentials":              {"/private?x=1", http.StatusUnauthorized, ""},
		"without the permission":           {"/forbidden?x=1", http.StatusForbidden, ""},
		"without the service's permission": {"/hidden?x=1", http.StatusNotFound, ""},
	}
	taken := int64(0)
	for name, tt := range tests { //nolint:paralleltest // what comes after the cases needs all of them
		if tt.status == http.StatusOK {
			taken++
		}
		t.Run(name, func(t *testing.T) {
			var headers []string
			if tt.status != http.StatusUnauthorized {
				headers = append(headers, signedIn)
			}
			a := call(t, http.MethodPost, address, prefix+tt.path, "", headers...)
			if a.Status != tt.status || a.fields() != tt.fields {
				t.Errorf("%d %s, want %d about %q", a.Status, a.Raw, tt.status, tt.fields)
			}
		})
	}
	if n := effects.Load(); n != taken {
		t.Errorf("handlers ran %d times, want %d", n, taken)
	}
}

func TestAMergePatchMayHaveItsMediaType(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{}, testAPI(
		post("/things", httpserver.Public(), ok),
		httpserver.Route{Method: http.MethodPatch, Path: "/things", Access: httpserver.Public(), Handler: ok},
	))
	for _, tt := range []struct {
		method, kind string
		status       int
	}{
		{http.MethodPatch, "application/merge-patch+json", http.StatusOK},
		{http.MethodPatch, "application/merge-patch+json; charset=UTF-8", http.StatusOK},
		{http.MethodPatch, "application/json", http.StatusOK},
		{http.MethodPatch, "application/json-patch+json", http.StatusUnsupportedMediaType},
		{http.MethodPost, "application/json", http.StatusOK},
		{http.MethodPost, "application/merge-patch+json", http.StatusUnsupportedMediaType},
	} {
		a := call(t, tt.method, address, prefix+"/things", `{}`, "Content-Type: "+tt.kind)
		if a.Status != tt.status {
			t.Errorf("%s with %s: %d, want %d", tt.method, tt.kind, a.Status, tt.status)
		}
	}
}
