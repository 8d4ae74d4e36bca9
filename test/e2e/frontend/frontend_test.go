// Package frontend_test replays what an existing web front end asks of the Users API, from a page of another origin in
// a real browser.
package frontend_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/test/fixtures/browser"
	"github.com/ostiary/ostiary/test/kit"
)

// replay makes the calls one after another and returns each status with the answer; a call that the browser does not
// let the page make, or read, shows as "refused".
const replay = `async (api) => {
  const seen = [];
  let key = "";
  const call = async (method, path, body, form) => {
    const headers = {};
    if (key) headers["X-API-KEY"] = key;
    if (body) headers["Content-Type"] = form ? "application/x-www-form-urlencoded" : "application/json";
    try {
      const answer = await fetch(api + path, {method, headers, body: body && (form ? new URLSearchParams(body) : JSON.stringify(body))});
      const text = await answer.text();
      seen.push(method + " " + path + " " + answer.status + " " + text);
      return JSON.parse(text);
    } catch (e) {
      seen.push(method + " " + path + " refused");
      return {};
    }
  };
  await call("POST", "/login", {username: "ada", password: "wrong"});
  key = (await call("POST", "/login", {username: "ada", password: "Correct-horse-7"})).apiKey || "";
  await call("GET", "/");
  await call("GET", "/?page=1&limit=10");
  await call("GET", "/ada");
  await call("GET", "/roles/");
  await call("POST", "/roles/add", {name: "clerk", level: 60});
  await call("POST", "/signup", {username: "bob", email: "bob@example.com", password: "Correct-horse-8", role_name: "clerk"});
  await call("POST", "/update_role", {target_username: "bob", new_role_name: "operator"}, true);
  await call("POST", "/change_password", {target_username: "bob", new_password: "Another-horse-9"});
  await call("POST", "/reset_password", {target_username: "bob", new_password: "Another-horse-10"});
  await call("POST", "/credentials_are_valid", {username: "bob", password: "Another-horse-10"});
  await call("POST", "/logout");
  await call("GET", "/roles/");
  return seen;
}`

var expected = []string{
	`POST /login 403 `, `POST /login 200 {"apiKey":"`, `GET / 200 [{"identifier":"`, `GET /?page=1&limit=10 200 {"data":[`,
	`GET /ada 200 {"identifier":"`,
	`GET /roles/ 200 [{"identifier":"06eeeacb","name":"admin"`, `POST /roles/add 200 {"identifier":"`,
	`POST /signup 200 {"identifier":"`,
	`POST /update_role 200 {"message":"Role updated successfully"}`,
	`POST /change_password 200 {"message":"Password changed successfully"}`,
	`POST /reset_password 200 {"message":"Password reset successfully"}`, `POST /credentials_are_valid 200 true`,
	`POST /logout 200 {"message":"Logout successfull"}`, //nolint:misspell // the original's spelling
	`GET /roles/ 401 {"message":"Invalid token"}`,
}

// page serves an empty page at an origin of its own and returns that.
func page(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>front end</title>")
	}))
	t.Cleanup(server.Close)
	return strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
}

// serve starts the Users API for pages of the origin and returns its address.
func serve(t *testing.T, origin string) string {
	t.Helper()
	s := kit.Start(t, kit.Options{})
	s.Clock.Forward(time.Since(s.Clock.Now())) // the server's deadlines are by it
	s.Register(t, "ada", "Correct-horse-7", "admin")
	apis := usersapi.New(s.Services, usersapi.Config{CORSOrigins: []string{origin}, Clock: s.Clock})
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: s.Clock}, apis...)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return "http://" + strings.Replace(server.Addr().String(), "127.0.0.1", "localhost", 1) + usersapi.Base
}

func TestTheFrontEndsCallsPassFromItsOrigin(t *testing.T) {
	t.Parallel()
	origin, stranger := page(t), page(t)
	api := serve(t, origin)
	b := browser.Open(t)
	calls := func(at string) []string {
		p := browser.Person(t, b)
		p.MustNavigate(at).MustWaitLoad()
		var seen []string
		for _, line := range p.MustEval(replay, api).Arr() {
			seen = append(seen, line.Str())
		}
		return seen
	}
	seen := calls(origin)
	for i, want := range expected {
		if i >= len(seen) || !strings.HasPrefix(seen[i], want) {
			t.Fatalf("call %d: want %s, saw %q", i, want, seen)
		}
	}
	for _, line := range calls(stranger) {
		if !strings.HasSuffix(line, " refused") {
			t.Errorf("a page of another origin could read %s", line)
		}
	}
}
