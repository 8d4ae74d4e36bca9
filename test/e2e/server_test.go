package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/test/apicheck"
	"github.com/ostiary/ostiary/test/kit"
)

// The users of every test installation.
const (
	adminPassword = "Correct-Horse-7-Battery"
	userPassword  = "Staple-9-Wagon-Umbrella"
)

// installation is the whole product on the real embedded store, without the configuration: its services and its HTTP
// server. The clock only moves on request.
type installation struct {
	*kit.Services

	url                string
	socket             string // the URL of the API of the control socket
	check, socketCheck *apicheck.Checker
	admin              string // an access token
}

func install(t *testing.T, options kit.Options) *installation {
	t.Helper()
	options.TPT = keyring.NewThirdPartyTokens("a secret of third-party tokens", "")
	s := kit.Start(t, options)
	config := securityapi.Config{Link: linkpages.Identity("https://id.example.com").Link}
	apis, err := securityapi.New(s.Services, config)
	must(t, err)
	local, err := securityapi.NewLocal(s.Services, config)
	must(t, err)
	in := &installation{Services: s}
	in.url, in.socket = listen(t, false, apis...), listen(t, true, local)
	in.check, in.socketCheck = in.document(t, false), in.document(t, true)
	s.Register(t, "admin", adminPassword, "admin")
	in.admin = in.token(t, "admin", adminPassword)
	return in
}

// listen serves APIs and returns their URL. The control socket is served over TCP here.
func listen(t *testing.T, controlSocket bool, apis ...httpserver.API) string {
	t.Helper()
	config := httpserver.Config{Address: "127.0.0.1:0", Clock: sysclock.Clock{}, ControlSocket: controlSocket}
	server, err := httpserver.New(config, apis...)
	must(t, err)
	must(t, server.Open(t.Context()))
	t.Cleanup(func() { must(t, server.Close(context.Background())) })
	return "http://" + server.Addr().String()
}

// document loads what the public listener serves of the document, or the whole document for the control socket.
func (in *installation) document(t *testing.T, whole bool) *apicheck.Checker {
	t.Helper()
	raw, err := securityapi.Document()
	must(t, err)
	if !whole {
		raw = []byte(in.do(t, http.MethodGet, "/openapi.json", "", nil).body)
	}
	check, err := apicheck.New(t.Context(), raw)
	must(t, err)
	return check
}

// reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
	object map[string]any
}

func (r reply) text(name string) string {
	text, _ := r.object[name].(string)
	return text
}

// controlSocket begins the path of a request to the control socket.
const controlSocket = "socket:"

// do sends one request and holds the exchange against the document.
func (in *installation) do(t *testing.T, method, path, body string, header http.Header) reply {
	t.Helper()
	address, check := in.url+path, in.check
	if rest, ok := strings.CutPrefix(path, controlSocket); ok {
		path, address, check = rest, in.socket+rest, in.socketCheck
	}
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	must(t, err)
	maps.Copy(req.Header, header)
	if body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
		if strings.HasPrefix(path, securityapi.Base+"/imports") {
			req.Header.Set("Content-Type", httpserver.LinesType)
		}
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header.Set("User-Agent", "e2e/1.0")
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	must(t, err)
	r := reply{status: res.StatusCode, header: res.Header, body: string(raw)}
	_ = json.Unmarshal(raw, &r.object)
	if strings.HasPrefix(path, securityapi.Base) {
		checkHeaders(t, method+" "+path, res.Header)
	}
	if check != nil {
		err := check.Check(t.Context(), req, []byte(body), res.StatusCode, res.Header, raw)
		unknown := errors.Is(err, apicheck.ErrUnknown) && res.StatusCode >= http.StatusBadRequest
		if err != nil && !unknown {
			t.Errorf("%s %s: %v\n%s", method, path, err, raw)
		}
	}
	return r
}

// keysPath is the path of the public keys, at the root and below the base path.
const keysPath = "/.well-known/jwks.json"

// checkHeaders holds what every answer of the API carries (S17, H13): nothing is kept, sniffed or shared with other
// sites.
func checkHeaders(t *testing.T, what string, h http.Header) {
	t.Helper()
	cache := "no-store"
	if strings.HasSuffix(what, keysPath) { // the same for everybody
		cache = "public, max-age=300"
	}
	if h.Get("Cache-Control") != cache || h.Get("X-Content-Type-Options") != "nosniff" ||
		h.Get("X-Request-Id") == "" ||
		h.Get("Access-Control-Allow-Origin") != "" || h.Get("Server") != "" {
		t.Errorf("%s: headers %v", what, h)
	}
}

// call is do below the API's base path, with a token.
func (in *installation) call(t *testing.T, token, method, path, body string) reply {
	t.Helper()
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return in.do(t, method, securityapi.Base+path, body, header)
}

// token signs in and returns the access token.
func (in *installation) token(t *testing.T, name, password string) string {
	t.Helper()
	r := in.call(t, "", http.MethodPost, "/auth/login", `{"username":"`+name+`","password":"`+password+`"}`)
	if r.status != http.StatusOK {
		t.Fatalf("signing %s in: %s", name, r.body)
	}
	return r.text("access_token")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
