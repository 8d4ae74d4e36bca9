package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/internal/securityclient"
	"github.com/ostiary/ostiary/modules"
	"github.com/ostiary/ostiary/modules/localapi"
)

// overTCP sends a request to the public listener and returns the status and the body.
func overTCP(t *testing.T, address, method, path string, header http.Header) (int, map[string]any) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://"+address+"/api/v1/security"+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	maps.Copy(request.Header, header)
	request.Host = header.Get("Host")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body := map[string]any{}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, body
}

// TestPublicListenerNeverActsAsOperator sends what the control socket accepts, and everything that could look like it,
// to the public listener on the loopback address.
func TestPublicListenerNeverActsAsOperator(t *testing.T) {
	t.Parallel()
	address := running(t, make(chan string, 8)).HTTP.Address
	headers := map[string]http.Header{
		"nothing":               {},
		"the host of a command": {"Host": {"ostiary"}},
		"no host":               {"Host": {""}},
		"a command":             {"User-Agent": {"ostiary command line"}, "Host": {"ostiary"}},
		"a forwarded address":   {"X-Forwarded-For": {"127.0.0.1"}, "Forwarded": {"for=unix:"}, "X-Real-Ip": {""}},
		"an empty address":      {"X-Forwarded-For": {""}},
		"a forwarded user":      {"X-Forwarded-User": {"cli"}, "Remote-User": {"cli"}, "X-Operator": {"true"}},
		"the actor as a token":  {"Authorization": {"Bearer cli"}},
		"the actor as a key":    {"X-Api-Key": {"cli"}},
		"an empty token":        {"Authorization": {"Bearer "}},
		"another scheme":        {"Authorization": {"Basic Y2xpOmNsaQ=="}},
		"a request id":          {"X-Request-Id": {"req_cli"}},
		"a cookie":              {"Cookie": {"session=cli; principal=cli"}},
	}
	for name, header := range headers {
		if status, body := overTCP(t, address, http.MethodGet, "/users", header); status != http.StatusUnauthorized {
			t.Errorf("%s: %d %v", name, status, body)
		}
		path := "/users/usr_01hm6x0vj3k8q5d2c7y9t4b6na/password-reset-link" // a route of the control socket alone
		if status, body := overTCP(t, address, http.MethodPost, path, header); status != http.StatusNotFound ||
			body["message"] != "Not found" {
			t.Errorf("%s, on a route of the control socket: %d %v", name, status, body)
		}
	}
}

// TestAuditLogNamesTheOperator creates one user through the socket of a running server and one without a server.
func TestAuditLogNamesTheOperator(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.DataDir = t.TempDir()
	create := func(name string) {
		session, err := localapi.Open(t.Context(), c, modules.Services(c))
		if err != nil {
			t.Fatal(err)
		}
		_, err = securityclient.New(session).CreateUser(t.Context(), securityclient.CreateUserRequest{
			Username: name, Email: name + "@example.org", Password: new("Correct-horse-battery-7"), Role: new("admin"),
		})
		if err != nil {
			t.Error(err)
		}
		if err := session.Close(t.Context()); err != nil {
			t.Error(err)
		}
	}
	create("without")
	c.HTTP.Address = started(t, c)
	create("beside")
	token := ask(t, c.HTTP.Address, "", http.MethodPost, "/auth/login",
		`{"username":"beside","password":"Correct-horse-battery-7"}`)["access_token"]
	_, body := overTCP(t, c.HTTP.Address, http.MethodGet, "/audit/logs?action=user_create",
		http.Header{"Authorization": {"Bearer " + token}})
	logs, _ := body["logs"].([]any)
	if len(logs) != 2 {
		t.Fatalf("want two entries, got %v", body)
	}
	for _, entry := range logs {
		entry, _ := entry.(map[string]any)
		if entry["user_id"] != "cli" || entry["user_agent"] != "ostiary command line" || entry["ip_address"] != nil {
			t.Errorf("the entry is %v", entry)
		}
		if id, _ := entry["request_id"].(string); !strings.HasPrefix(id, "req_") {
			t.Errorf("the request id is %v", entry["request_id"])
		}
	}
}

// TestLargeImportIsStreamed imports more than a request body may hold, beside a server and without one, and checks that
// progress arrives while rows are still being sent.
func TestLargeImportIsStreamed(t *testing.T) {
	t.Parallel()
	const rows = 2500
	for name, server := range map[string]bool{"beside a server": true, "without a server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config.Default()
			c.DataDir = t.TempDir()
			if server {
				started(t, c)
			}
			session, err := localapi.Open(t.Context(), c, modules.Services(c))
			if err != nil {
				t.Fatal(err)
			}
			body, sent := io.Pipe()
			progressed := make(chan struct{})
			var done []int64
			api := securityclient.New(session).WithLines(func(_ string, value json.RawMessage) {
				var p securityclient.Progress
				if err := json.Unmarshal(value, &p); err != nil {
					t.Error(err)
				}
				if done = append(done, p.Done); len(done) == 1 {
					close(progressed)
				}
			})
			go func() {
				for i := range rows {
					if i == rows-1 {
						<-progressed
					}
					_, _ = fmt.Fprintf(sent, `{"username":"user%d","email":"user%d@example.org","metadata":{"note":"%060d"}}`+"\n", i,
						i, i)
				}
				_ = sent.Close()
			}()
			result, err := api.ImportRows(t.Context(), securityclient.ImportRowsParams{}, body)
			if err != nil || result.Created != rows || len(done) < 2 {
				t.Errorf("%d of %d users, progress %v, error %v", result.Created, rows, done, err)
			}
			if err := session.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}
