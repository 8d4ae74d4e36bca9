package frontend_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/browser"
	"github.com/ostiary/ostiary/test/kit"
)

// application is what a single-page application does to sign in and stay signed in. It returns each status, with the
// headers of the answer that the browser lets it read; a call that it does not let it make, or read, shows as
// "refused".
const application = `async (root) => {
  const api = root + "/api/v1/security";
  const seen = [];
  const call = async (method, url, body, headers) => {
    headers = {...headers, "X-Request-ID": "page-1"};
    if (body) headers["Content-Type"] = "application/json";
    try {
      const answer = await fetch(url, {method, headers, body: body && JSON.stringify(body)});
      const readable = ["X-Request-ID", "RateLimit-Limit"].map(name => answer.headers.get(name));
      seen.push(method + " " + url.replace(root, "") + " " + answer.status + " " + readable.join(" "));
      return await answer.json();
    } catch (e) {
      seen.push(method + " " + url.replace(root, "") + " refused");
      return {};
    }
  };
  const signedIn = await call("POST", api + "/auth/login", {username: "ada", password: "Correct-horse-7"});
  const headers = {Authorization: "Bearer " + signedIn.access_token};
  await call("GET", api + "/auth/verify", null, headers);
  await call("GET", root + "/.well-known/jwks.json");
  await call("POST", api + "/auth/refresh", {refresh_token: signedIn.refresh_token || ""});
  await call("POST", api + "/groups", {name: "team"}, {...headers, "Idempotency-Key": "1"});
  await call("POST", api + "/auth/oidc/token", {code: "none"});
  await call("GET", api + "/users/none", null, headers);
  await call("PATCH", api + "/settings/security", {}, {...headers, "If-Match": '"0"'});
  return seen;
}`

// serveSecurity starts the Security API for pages of the origin and returns the server's address.
func serveSecurity(t *testing.T, origin string) string {
	t.Helper()
	s := kit.Start(t, kit.Options{LoginRate: domain.Rate{Limit: 5, Window: time.Minute}})
	s.Clock.Forward(time.Since(s.Clock.Now())) // the server's deadlines are by it
	s.Register(t, "ada", "Correct-horse-7", "admin")
	apis, err := securityapi.New(s.Services, securityapi.Config{CORSOrigins: []string{origin}})
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: s.Clock}, apis...)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return "http://" + strings.Replace(server.Addr().String(), "127.0.0.1", "localhost", 1)
}

func TestASinglePageApplicationSignsInFromItsOrigin(t *testing.T) {
	t.Parallel()
	origin, stranger := page(t), page(t)
	root := serveSecurity(t, origin)
	b := browser.Open(t)
	calls := func(at string) string {
		p := browser.Person(t, b)
		p.MustNavigate(at).MustWaitLoad()
		var seen []string
		for _, line := range p.MustEval(application, root).Arr() {
			seen = append(seen, line.Str())
		}
		return strings.Join(seen, "\n")
	}
	want := `POST /api/v1/security/auth/login 200 page-1 5
GET /api/v1/security/auth/verify 200 page-1 
GET /.well-known/jwks.json 200 page-1 
POST /api/v1/security/auth/refresh 200 page-1 
POST /api/v1/security/groups 201 page-1 
POST /api/v1/security/auth/oidc/token 401 page-1 
GET /api/v1/security/users/none 404 page-1 
PATCH /api/v1/security/settings/security 412 page-1 `
	if got := calls(origin); got != want {
		t.Errorf("the application sees\n%s\nwant\n%s", got, want)
	}
	for line := range strings.SplitSeq(calls(stranger), "\n") {
		if !strings.HasSuffix(line, " refused") {
			t.Errorf("a page of another origin could read %s", line)
		}
	}
}
