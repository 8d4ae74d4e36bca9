// Package links_test opens the links of mails in a real browser, as the people do who get them.
package links_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/browser"
	"github.com/ostiary/ostiary/test/kit"
)

// world is a service with its pages.
type world struct {
	*kit.Services
	address string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{Services: kit.Start(t, kit.Options{})}
	w.Clock.Forward(time.Since(w.Clock.Now())) // the server's deadlines are by it
	apis, err := securityapi.New(w.Services.Services, securityapi.Config{})
	if err != nil {
		t.Fatal(err)
	}
	pages, err := linkpages.New()
	if err != nil {
		t.Fatal(err)
	}
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: w.Clock}, append(apis, pages)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = server.Close(ctx)
	})
	w.address = "http://" + strings.Replace(server.Addr().String(), "127.0.0.1", "localhost", 1)
	return w
}

// invite makes a user without a password and returns the link of their mail, at the test's own address.
func (w *world) invite(t *testing.T, name string) string {
	t.Helper()
	_, err := w.Account.Create(t.Context(), domain.Operator(),
		account.NewUser{Username: name, Email: name + "@example.com"})
	if err != nil {
		t.Fatal(err)
	}
	return w.link(t)
}

// link returns the link of the last mail.
func (w *world) link(t *testing.T) string {
	t.Helper()
	emails := w.SentEmails(t)
	for line := range strings.Lines(emails[len(emails)-1].Text) {
		if strings.HasPrefix(line, "https://id.example.com/") {
			return w.address + strings.TrimSpace(strings.TrimPrefix(line, "https://id.example.com"))
		}
	}
	t.Fatal("the last mail has no link")
	return ""
}

func (w *world) signsIn(t *testing.T, name, password string) bool {
	t.Helper()
	_, err := w.Auth.Login(t.Context(), kit.From("192.0.2.9"), auth.LoginInput{Name: name, Password: password})
	return err == nil
}

// answered waits for what the page says.
func answered(t *testing.T, page *rod.Page, want string) {
	t.Helper()
	if _, err := page.ElementR("#answer", want); err != nil {
		t.Fatalf("the page does not say %q but %q", want, page.MustElement("main").MustText())
	}
}

func choose(page *rod.Page, next, again string) {
	page.MustElement("#next").MustSelectAllText().MustInput(next)
	page.MustElement("#again").MustSelectAllText().MustInput(again)
	page.MustElement("button").MustClick()
}

func TestAnInvitedPersonChoosesAPassword(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	link := w.invite(t, "grace")
	page := browser.Person(t, browser.Open(t)).MustNavigate(link)
	if address := page.MustElement("form:not([hidden])").Page().MustInfo().URL; address != w.address+"/activate" {
		t.Errorf("the address bar shows %s, with the token", address)
	}
	choose(page, "Cobol-1959-Compiler", "Cobol-1959-Compilex")
	answered(t, page, "differ")
	choose(page, "grace", "grace")
	answered(t, page, "at least 12 characters")
	answered(t, page, "must not hold your user name")
	choose(page, "Cobol-1959-Compiler", "Cobol-1959-Compiler")
	answered(t, page, "You can sign in")
	if !w.signsIn(t, "grace", "Cobol-1959-Compiler") {
		t.Error("the chosen password does not sign in")
	}
	page.MustNavigate(link)
	choose(page, "Another-1960-Compiler", "Another-1960-Compiler")
	answered(t, page, "used or has run out")
}

func TestAForgottenPasswordIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Register(t, "grace", "Cobol-1959-Compiler", "user")
	if _, err := w.Account.RequestReset(t.Context(), kit.From("192.0.2.9"), "grace@example.com"); err != nil {
		t.Fatal(err)
	}
	page := browser.Person(t, browser.Open(t)).MustNavigate(w.link(t))
	choose(page, "Fortran-1957-Reader", "Fortran-1957-Reader")
	answered(t, page, "You can sign in")
	if !w.signsIn(t, "grace", "Fortran-1957-Reader") || w.signsIn(t, "grace", "Cobol-1959-Compiler") {
		t.Error("the password was not replaced")
	}
}

func TestOpeningALinkChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Register(t, "grace", "Cobol-1959-Compiler", "user")
	_, by := w.SignIn(t, "grace", "Cobol-1959-Compiler", "192.0.2.9")
	email := "hopper@example.com"
	if _, err := w.Account.Update(t.Context(), domain.Operator(), by.UserID, account.Patch{Email: &email}); err != nil {
		t.Fatal(err)
	}
	emails := w.SentEmails(t)
	var link string
	for _, email := range emails {
		for line := range strings.Lines(email.Text) {
			if strings.Contains(line, "/confirm-email?token=") {
				link = w.address + strings.TrimSpace(strings.TrimPrefix(line, "https://id.example.com"))
			}
		}
	}
	verified := func() bool {
		profile, err := w.Account.Get(t.Context(), domain.Operator(), by.UserID)
		if err != nil {
			t.Fatal(err)
		}
		return profile.EmailVerified
	}
	page := browser.Person(t, browser.Open(t)).MustNavigate(link)
	page.MustElement("form:not([hidden])")
	if verified() {
		t.Fatal("opening the link confirmed the address: a program that looks at mail would do it too")
	}
	page.MustElement("button").MustClick()
	answered(t, page, "address is confirmed")
	if !verified() {
		t.Error("the address is not confirmed")
	}
}

func TestPagesAreShutInThemselves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{
		"/activate", "/reset?token=" + url.QueryEscape(`"><script>alert(1)</script>`),
		"/confirm-email",
	} {
		answer, err := http.Get(w.address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s answered %d, %v", path, answer.StatusCode, err)
		}
		if strings.Contains(string(body), "alert(1)") || strings.Contains(string(body), "://") {
			t.Errorf("%s shows what it was sent, or loads from elsewhere:\n%s", path, body)
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self';", "Referrer-Policy": "no-referrer",
			"Cache-Control":          "no-store",
			"X-Content-Type-Options": "nosniff",
		} {
			if got := answer.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}
