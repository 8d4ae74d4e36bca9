package usersapi_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	right   = "Correct-horse-7"
	another = "Another-horse-8"
)

// service is the Users API on the real services, with a user of each shipped role who has the role's name.
type service struct {
	*kit.Services

	url  string
	keys map[string]string // of those who are signed in
}

type options struct {
	kit    kit.Options
	levels rolepolicy.Config
}

func start(t *testing.T, o options) *service {
	t.Helper()
	o.kit.RolePolicy = o.levels
	o.kit.TPT, o.kit.TPTLifetime = keyring.NewThirdPartyTokens("a secret of third-party tokens",
		"https://id.example.com"), 365*24*time.Hour
	s := kit.Start(t, o.kit)
	lima, err := time.LoadLocation("America/Lima")
	must(t, err)
	apis := usersapi.New(s.Services, usersapi.Config{
		CORSOrigins: []string{"https://app.example.com"}, Timezone: lima,
		Clock: s.Clock,
	})
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: sysclock.Clock{}}, apis...)
	must(t, err)
	must(t, server.Open(t.Context()))
	t.Cleanup(func() { must(t, server.Close(context.Background())) })
	return &service{Services: s, url: "http://" + server.Addr().String() + usersapi.Base, keys: map[string]string{}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// people registers users who are named after their roles and signs them in.
func (s *service) people(t *testing.T, roles ...string) {
	t.Helper()
	for _, role := range roles {
		s.Register(t, "the-"+role, right, role)
		s.signIn(t, "the-"+role)
	}
}

func (s *service) signIn(t *testing.T, name string) {
	t.Helper()
	got := s.call(t, http.MethodPost, "/login", "", form("username", name, "password", right))
	key, ok := got.object["apiKey"].(string)
	if got.status != http.StatusOK || !ok {
		t.Fatalf("%s: %d %s", name, got.status, got.body)
	}
	s.keys[name] = key
}

type reply struct {
	status int
	header http.Header
	body   string
	object map[string]any
}

func (r reply) message() string {
	text, _ := r.object["message"].(string)
	return text
}

// form makes a form of names and values in turn.
func form(pairs ...string) string {
	values := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return values.Encode()
}

// call sends a request with the person's key; the body is JSON where it begins with a brace, else a form.
func (s *service) call(t *testing.T, method, path, who, body string) reply {
	t.Helper()
	header := http.Header{}
	if who != "" {
		key, ok := s.keys[who]
		if !ok {
			key = who
		}
		header.Set("X-API-KEY", key)
	}
	return s.send(t, method, path, header, body)
}

func (s *service) send(t *testing.T, method, path string, header http.Header, body string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	must(t, err)
	req.Header = header
	if body != "" && header.Get("Content-Type") == "" {
		kind := "application/x-www-form-urlencoded"
		if strings.HasPrefix(body, "{") {
			kind = "application/json"
		}
		req.Header.Set("Content-Type", kind)
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       time.Minute,
	}
	res, err := client.Do(req)
	must(t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	must(t, err)
	hold(t, req, res, raw)
	r := reply{status: res.StatusCode, header: res.Header, body: string(raw)}
	_ = json.Unmarshal(raw, &r.object) // an array has no members to look at
	return r
}

func (s *service) role(t *testing.T, name string) domain.RoleID {
	t.Helper()
	user, err := s.Store.Users().FindByLogin(context.WithoutCancel(t.Context()), name)
	must(t, err)
	return user.Role
}
