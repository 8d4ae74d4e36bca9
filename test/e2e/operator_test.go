package e2e_test

import (
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/securityapi"
)

const operatorMatrixFile = "testdata/operator_matrix.txt"

// TestOperatorMatrix calls every route of the public listener on the control socket and compares the responses with a
// readable table. The operator has every permission and no account: what only the user of a session can do is refused.
func TestOperatorMatrix(t *testing.T) {
	t.Parallel()
	objects := []string{"other", "above", "absent"}
	rows := map[string][]string{}
	var operations []string
	for _, object := range objects {
		w := newWorld(t, "anonymous", object)
		operations = w.operations()
		for _, o := range operations {
			rows[o] = append(rows[o], strconv.Itoa(w.asOperator(t, o)))
		}
	}
	var b strings.Builder
	b.WriteString("# Status of every call of the operator: on a user, on an administrator, on what is absent.\n")
	for _, o := range operations {
		fmt.Fprintf(&b, "%-62s %s\n", o, strings.Join(rows[o], " "))
	}
	if *update {
		must(t, os.WriteFile(operatorMatrixFile, []byte(b.String()), 0o600))
		return
	}
	want, err := os.ReadFile(operatorMatrixFile)
	must(t, err)
	if diff := gocmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("what the operator may do has changed (-want +got); -update rewrites it:\n%s", diff)
	}
}

func (w *world) asOperator(t *testing.T, operation string) int {
	t.Helper()
	method, path, _ := strings.Cut(operation, " ")
	body := bodies[operation]
	for name, value := range w.fill {
		path, body = strings.ReplaceAll(path, name, value), strings.ReplaceAll(body, name, value)
	}
	r := w.do(t, method, controlSocket+securityapi.Base+path, body, nil)
	if r.status >= http.StatusInternalServerError {
		t.Errorf("%s: %d %s", operation, r.status, r.body)
	}
	return r.status
}

// TestOperatorHasNoAccount covers the calls whose object is the caller if the request does not name one.
func TestOperatorHasNoAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "anonymous", "other")
	for _, call := range []struct {
		method, path, body string
		want               int
	}{
		{http.MethodPost, "/permissions/check", `{"permissions":["bots.use"]}`, http.StatusNotFound},
		{http.MethodPost, "/auth/step-up", `{"password":"x"}`, http.StatusForbidden},
		{http.MethodGet, "/auth/verify", "", http.StatusUnauthorized},
		{http.MethodPost, "/auth/logout", `{}`, http.StatusBadRequest},
	} {
		r := w.do(t, call.method, controlSocket+securityapi.Base+call.path, call.body, nil)
		if r.status != call.want {
			t.Errorf("%s %s: %d %s, want %d", call.method, call.path, r.status, r.body, call.want)
		}
	}
}
