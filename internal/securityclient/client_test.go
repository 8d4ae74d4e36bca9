package securityclient_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/controlsocket"
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/internal/securityclient"
)

// serve serves the routes in memory until the end of the test and returns a client.
func serve(t *testing.T, routes ...httpserver.Route) *securityclient.Client {
	t.Helper()
	for i := range routes {
		routes[i].Access = httpserver.Public()
	}
	memory := controlsocket.NewMemory()
	server, err := httpserver.New(httpserver.Config{
		Clock: sysclock.Clock{}, Listen: func(context.Context) (net.Listener, error) { return memory, nil },
	}, httpserver.API{
		Name: "test", Prefix: "/api/v1/security", Routes: routes, Failure: httpserver.FailureWithCause,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	transport := memory.Transport()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := server.Close(context.Background()); err != nil { // the test's own context is over
			t.Error(err)
		}
	})
	return securityclient.New(transport)
}

// TestOtherVersionIsReported covers a server that lacks a route, a method, a parameter or a field of this client.
func TestOtherVersionIsReported(t *testing.T) {
	t.Parallel()
	client := serve(t,
		httpserver.Route{Method: http.MethodPost, Path: "/users", Handler: func(r *httpserver.Request) error {
			return r.Decode(&struct {
				Username string `json:"username"`
			}{})
		}},
		httpserver.Route{
			Method: http.MethodGet, Path: "/roles", Query: httpserver.QueryNames{},
			Handler: func(r *httpserver.Request) error {
				return r.JSON(http.StatusOK, struct{}{})
			},
		},
	)
	calls := map[string]func() error{
		"route":  func() error { _, err := client.GetUser(t.Context(), "usr_1"); return err },
		"method": func() error { _, err := client.ListUsers(t.Context(), securityclient.ListUsersParams{}); return err },
		"field": func() error {
			_, err := client.CreateUser(t.Context(), securityclient.CreateUserRequest{Username: "ada", Email: "ada@example.org"})
			return err
		},
		"parameter": func() error {
			_, err := client.ListRoles(t.Context(), securityclient.ListRolesParams{Limit: new(5)})
			return err
		},
	}
	for name, call := range calls {
		got, ok := errors.AsType[*securityclient.Error](call())
		if !ok || got.Code != "version_mismatch" || got.Status != http.StatusNotImplemented {
			t.Errorf("unknown %s: %#v", name, got)
		}
	}
}

func TestErrorHasDetailsAndCause(t *testing.T) {
	t.Parallel()
	refused := fault.New(fault.Conflict, "last_admin", "No administrator would be left")
	client := serve(t, httpserver.Route{
		Method: http.MethodGet, Path: "/users/{user_id}",
		Handler: func(*httpserver.Request) error {
			return refused.About("role", "is the last").Because(errors.New("the cause"))
		},
	})
	_, err := client.GetUser(t.Context(), "usr_1")
	want := &securityclient.Error{
		Status: http.StatusConflict, Code: "last_admin", Message: "No administrator would be left", Cause: "the cause",
		Details: []securityclient.ErrorDetail{{Field: "role", Reason: "is the last"}},
	}
	got, _ := errors.AsType[*securityclient.Error](err)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLongOperation covers the lines of an operation that ends with a result, with an error, and with a panic.
func TestLongOperation(t *testing.T) {
	t.Parallel()
	client := serve(t, httpserver.Route{
		Method: http.MethodGet, Path: "/users/{user_id}",
		Handler: func(r *httpserver.Request) error {
			id := r.Param("user_id")
			return r.Long(func(_ context.Context, lines *httpserver.Lines) (any, error) {
				lines.Progress(httpserver.Progress{Done: 1, Total: 2, What: "steps"})
				switch id {
				case "refused":
					return nil, fault.ErrConflict.Because(errors.New("the cause"))
				case "panics":
					panic("in an operation")
				}
				lines.Progress(httpserver.Progress{Done: 2, Total: 2, What: "steps"})
				return securityclient.User{Username: id}, nil
			})
		},
	})
	var lines []string
	client = client.WithLines(func(member string, value json.RawMessage) {
		lines = append(lines,
			member+" "+string(value))
	})
	got, err := client.GetUser(t.Context(), "ada")
	if err != nil || got.Username != "ada" {
		t.Errorf("got %q, %v", got.Username, err)
	}
	want := []string{`progress {"done":1,"total":2,"what":"steps"}`, `progress {"done":2,"total":2,"what":"steps"}`}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Error(diff)
	}
	for id, status := range map[string]int{"refused": http.StatusConflict, "panics": http.StatusInternalServerError} {
		_, err := client.GetUser(t.Context(), id)
		if got, ok := errors.AsType[*securityclient.Error](err); !ok || got.Status != status || got.Cause == "" {
			t.Errorf("%s: %v", id, err)
		}
	}
}

func TestTransportFailureIsUnavailable(t *testing.T) {
	t.Parallel()
	memory := controlsocket.NewMemory()
	if err := memory.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := securityclient.New(memory.Transport()).GetUser(t.Context(), "usr_1")
	got, ok := errors.AsType[*securityclient.Error](err)
	if !ok || got.Status != http.StatusServiceUnavailable || got.Code != "server_unavailable" {
		t.Errorf("%#v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := securityclient.New(controlsocket.NewMemory().Transport()).GetUser(ctx, "usr_1"); !errors.Is(err,
		context.Canceled) {
		t.Errorf("canceled: %#v", err)
	}
}
