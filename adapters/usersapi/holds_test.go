package usersapi_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/test/apicheck"
)

// document is the API's OpenAPI document, read once.
var document = sync.OnceValues(func() (*apicheck.Checker, error) {
	return apicheck.New(context.Background(), usersapi.Document) // whichever test comes first
})

// hold compares an answer with the document, which has one form of each path.
func hold(t *testing.T, req *http.Request, res *http.Response, body []byte) {
	t.Helper()
	if res.StatusCode == http.StatusMethodNotAllowed || req.Method == http.MethodHead || req.Method == http.MethodOptions {
		return
	}
	check, err := document()
	must(t, err)
	asked := req.Clone(req.Context())
	asked.URL.Path = strings.TrimSuffix(asked.URL.Path, "/")
	asked.URL.RawPath = strings.TrimSuffix(asked.URL.RawPath, "/")
	if asked.URL.Path == usersapi.Base || asked.URL.Path == usersapi.Base+"/roles" {
		asked.URL.Path += "/"
	}
	err = check.CheckAnswer(req.Context(), asked, res.StatusCode, res.Header, body)
	if errors.Is(err, apicheck.ErrUnknown) && res.StatusCode >= http.StatusBadRequest {
		return
	}
	if err != nil {
		t.Errorf("%s %s: %v\n%s", req.Method, req.URL.Path, err, body)
	}
}
