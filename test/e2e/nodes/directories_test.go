package nodes_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
)

// front is a proxy before the nodes that sends each request to another node than the last one.
type front struct {
	url   string
	nodes atomic.Pointer[[]*node]
	turn  atomic.Int64
}

func newFront(t *testing.T) *front {
	t.Helper()
	f := &front{}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		nodes := *f.nodes.Load()
		n := nodes[int(f.turn.Add(1))%len(nodes)]
		target, _ := url.Parse(strings.TrimSuffix(n.url, "/api/v1/security"))
		r.SetURL(target)
		r.Out.Host = r.In.Host
	}}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	f.url = strings.Replace(server.URL, "127.0.0.1", "localhost", 1)
	return f
}

// withDirectories runs two nodes behind a front with OpenLDAP as corp and a certified provider as op.
func withDirectories(t *testing.T) (*front, []*node, *openldap.Server) {
	t.Helper()
	f, slapd := newFront(t), openldap.Start(t, openldap.Options{})
	own := f.url + "/api/v1/security/auth/oidc/op"
	provider := oidc.Start(t, oidc.Options{
		Redirects: []string{own + "/callback"}, BackChannel: own + "/backchannel-logout",
		PostLogout: []string{f.url + "/bye"},
	})
	text := fmt.Sprintf(`
directory_sync: {check_interval: 10s, run_interval: 1m}
sso:
  redirect_uris: [%[1]s/app]
  post_logout_redirect_uris: [%[1]s/bye]
directories:
  - {id: local, type: builtin}
  - {id: corp, type: ldap, urls: [%[2]q], ca_file: %[3]q, bind_dn: %[4]q, bind_password: %[5]q, base_dn: %[6]q}
  - {id: op, type: oidc, issuer: %[7]q, client_id: web, client_secret: web-secret, allow_http_loopback: true, just_in_time: true}
`, f.url, slapd.TLSURL, slapd.CAFile, openldap.SearchDN, openldap.Password, "ou=people,"+openldap.Base, provider.Issuer)
	file := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	nodes := startOn(t, 2, newDatabase(t, mongod.SharedSet(t)), "OSTIARY_CONFIG="+file, "OSTIARY_HTTP_PUBLIC_URL="+f.url)
	f.nodes.Store(&nodes)
	return f, nodes, slapd
}

var logoutForm = regexp.MustCompile(`action="([^"]+)"[^>]*>\s*<input type="hidden" name="xsrf" value="([^"]+)"`)

// Each request of a sign-in goes to another node than the one before: what one remembers of a flow, the other uses up.
func TestProviderSignInAcrossTwoNodes(t *testing.T) {
	t.Parallel()
	f, nodes, _ := withDirectories(t)
	for round := range 4 {
		f.turn.Add(int64(round)) // another node begins
		here, there := nodes[round%2], nodes[(round+1)%2]
		browser := oidc.NewBrowser(t, f.url+"/app")
		code := browser.Visit(t, f.url+"/api/v1/security/auth/oidc/op/login?"+url.Values{
			"redirect_uri": {f.url + "/app"}, "login_hint": {"alice"},
		}.Encode()).Get("code")
		exchange := fmt.Sprintf(`{"code":%q}`, code)
		signedIn := here.must(t, http.StatusOK, "", http.MethodPost, "/auth/oidc/token", exchange)
		if again, err := there.call(t.Context(), "", http.MethodPost, "/auth/oidc/token", exchange); err != nil ||
			again.status < 400 {
			t.Errorf("a code was exchanged on %s and again on %s: %d, %v", here.name, there.name, again.status, err)
		}
		token := signedIn.text("access_token")
		for _, n := range nodes {
			n.must(t, http.StatusOK, token, http.MethodGet, "/auth/verify", "")
		}
		out := there.must(t, http.StatusOK, token, http.MethodPost, "/auth/oidc/logout",
			fmt.Sprintf(`{"post_logout_redirect_uri":%q,"state":"bye"}`, f.url+"/bye"))
		here.must(t, http.StatusUnauthorized, token, http.MethodGet, "/auth/verify", "")

		// A second session of the same sign-in at the provider ends when the provider says so, to whichever node.
		second := browser.Visit(t, f.url+"/api/v1/security/auth/oidc/op/login?"+url.Values{
			"redirect_uri": {f.url + "/app"}, "login_hint": {"alice"},
		}.Encode()).Get("code")
		token = there.must(t, http.StatusOK, "", http.MethodPost, "/auth/oidc/token",
			fmt.Sprintf(`{"code":%q}`, second)).text("access_token")
		endAtProvider(t, browser, out.text("provider_logout_url"), f.url+"/bye")
		for _, n := range nodes {
			n.must(t, http.StatusUnauthorized, token, http.MethodGet, "/auth/verify", "")
		}
	}
}

// endAtProvider confirms the logout; the provider calls our back channel before it redirects the browser.
func endAtProvider(t *testing.T, browser *oidc.Browser, address, back string) {
	t.Helper()
	form := logoutForm.FindStringSubmatch(browser.Page(t, address))
	if form == nil {
		t.Fatal("the provider shows no logout form")
	}
	browser.StopAt(back)
	browser.Submit(t, form[1], url.Values{"xsrf": {form[2]}, "logout": {"yes"}})
}

// Both nodes synchronize a directory. A user whom the directory no longer has is signed out on both, and deactivated
// once.
func TestTwoNodesSynchronizeOneDirectory(t *testing.T) {
	t.Parallel()
	_, nodes, slapd := withDirectories(t)
	admin := nodes[0].signIn(t, adminName, adminPassword)
	tokens := map[*node]string{}
	for i, n := range nodes {
		tokens[n] = n.signIn(t, "dave", openldap.Password)
		nodes[1-i].must(t, http.StatusOK, tokens[n], http.MethodGet, "/auth/verify", "")
	}
	staying := nodes[1].signIn(t, "alice", openldap.Password)
	if err := slapd.Root(t).Del(ldap.NewDelRequest(openldap.PersonDN("dave"), nil)); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes {
		for _, token := range tokens {
			n.waitForRefusal(t, token)
		}
		n.must(t, http.StatusUnauthorized, "", http.MethodPost, "/auth/login", login("dave", openldap.Password))
		n.must(t, http.StatusOK, staying, http.MethodGet, "/auth/verify", "")
	}
	if counts := nodes[0].counted(t, admin, "dave"); counts["user_create"] != 1 || counts["session_revoke"] != 1 {
		t.Errorf("the log has %v; want dave made once and put out once", counts)
	}
}

// waitForRefusal waits until the node refuses the token.
func (n *node) waitForRefusal(t *testing.T, token string) {
	t.Helper()
	ticker := time.NewTicker(200 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); <-ticker.C {
		a, err := n.call(t.Context(), token, http.MethodGet, "/auth/verify", "")
		if err != nil {
			t.Fatal(err)
		}
		if a.status == http.StatusUnauthorized {
			return
		}
	}
	t.Fatalf("node %s lets in who was taken out of the directory", n.name)
}

// counted returns the number of audit entries of each action about a user.
func (n *node) counted(t *testing.T, admin, name string) map[string]int {
	t.Helper()
	users := n.must(t, http.StatusOK, admin, http.MethodGet, "/users?search="+name, "")
	list, _ := users.object["users"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d users are called %s", len(list), name)
	}
	user, _ := list[0].(map[string]any)
	counts := map[string]int{}
	logs := n.must(t, http.StatusOK, admin, http.MethodGet, "/audit/logs?limit=100", "")
	entries, _ := logs.object["logs"].([]any)
	for _, item := range entries {
		entry, _ := item.(map[string]any)
		if action, _ := entry["action"].(string); strings.Contains(fmt.Sprint(entry), fmt.Sprint(user["user_id"])) {
			counts[action]++
		}
	}
	return counts
}
