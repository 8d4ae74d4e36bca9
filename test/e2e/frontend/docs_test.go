package frontend_test

import (
	"context"
	"os"
	"testing"

	"github.com/go-rod/rod"
	"github.com/go-rod/rod/lib/proto"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/test/fixtures/browser"
	"github.com/ostiary/ostiary/test/kit"
)

// violations runs axe on the page and returns what it finds, with the elements.
const violations = `async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 200)).join(" | "))`

// serveDocs starts both APIs with the documentation page and returns the server's address.
func serveDocs(t *testing.T) string {
	t.Helper()
	s := kit.Start(t, kit.Options{})
	s.Register(t, "ada", "Correct-horse-7", "admin")
	apis, err := securityapi.New(s.Services, securityapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	apis = append(apis, usersapi.New(s.Services, usersapi.Config{Clock: s.Clock})...)
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: sysclock.Clock{}}, apis...)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return "http://" + server.Addr().String()
}

func openDocs(t *testing.T, b *rod.Browser, address, scheme string) *rod.Page {
	t.Helper()
	p := browser.Person(t, b)
	p.MustSetViewport(320, 800, 1, false)
	feature := &proto.EmulationMediaFeature{Name: "prefers-color-scheme", Value: scheme}
	if err := (proto.EmulationSetEmulatedMedia{Features: []*proto.EmulationMediaFeature{feature}}).Call(p); err != nil {
		t.Fatal(err)
	}
	p.MustNavigate(address).MustWaitLoad()
	p.MustElement("main details")
	return p
}

func checkAxe(t *testing.T, p *rod.Page, what string) {
	t.Helper()
	source, err := os.ReadFile("../../fixtures/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("%v: run test/fixtures/install.sh", err)
	}
	p.MustEval("() => {" + string(source) + "}")
	for _, found := range p.MustEval(violations).Arr() {
		t.Errorf("%s: %s", what, found.Str())
	}
	if wide := p.MustEval("() => document.documentElement.scrollWidth").Int(); wide > 320 {
		t.Errorf("%s: the page is %d pixels wide on a screen of 320", what, wide)
	}
}

// TestDocumentationPageIsAccessible looks at the page of each API folded and with calls of every group opened.
func TestDocumentationPageIsAccessible(t *testing.T) {
	t.Parallel()
	root := serveDocs(t)
	b := browser.Open(t)
	for _, scheme := range []string{"light", "dark"} {
		for _, path := range []string{"/docs", "/docs?api=users"} {
			p := openDocs(t, b, root+path, scheme)
			checkAxe(t, p, path+" folded, "+scheme)
			p.MustEval(`() => document.querySelectorAll("main > details").forEach((group) => {
			  group.open = true;
			  group.querySelectorAll("details").forEach((call, i) => { if (i < 2) call.open = true; });
			})`)
			p.MustElement("main form")
			checkAxe(t, p, path+" opened, "+scheme)
		}
	}
}

func TestDocumentationPageOpensFoldedIsSearchedAndSendsCalls(t *testing.T) {
	t.Parallel()
	root := serveDocs(t)
	p := openDocs(t, browser.Open(t), root+"/docs", "light")
	if open := p.MustEval(`() => document.querySelectorAll("details[open]").length`).Int(); open != 0 {
		t.Errorf("%d parts are open at first", open)
	}
	p.MustElement("#search").MustInput("introspect token")
	const shown = `() => [...document.querySelectorAll("main details details")].filter((d) => d.checkVisibility())
	  .map((d) => d.id).join(" ")`
	if got := p.MustEval(shown).Str(); got != "introspect" {
		t.Errorf("the search shows %q", got)
	}
	p.MustElement("#search").MustSelectAllText().MustInput("POST /auth/login")
	if got := p.MustEval(shown).Str(); got != "login" {
		t.Errorf("the search shows %q", got)
	}
	p.MustElement("#login > summary").MustClick()
	form := p.MustElement("#login form")
	form.MustElement("textarea").MustSelectAllText().MustInput(`{"username":"ada","password":"Correct-horse-7"}`)
	form.MustElement("button").MustClick()
	p.MustElementR("#login form pre", `^200[\s\S]*"access_token"`)
}
