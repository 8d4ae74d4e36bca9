// Package linkpages serves the pages behind the links in emails:
//
//	<public URL>/activate?token=…        choose the first password
//	<public URL>/reset?token=…           choose a new password
//	<public URL>/confirm-email?token=…   confirm a changed email address
//
// Opening a page has no effect, since mail scanners open links too: the user types a password or presses a button,
// and the page then makes the same call of the Security API as any other front end. A deployment with its own front
// end serves these three paths from it, under the same public URL.
//
// The pages are stateless and load nothing from elsewhere. The token is removed from the address bar immediately, so
// that it does not remain in the browser history and is not sent to other sites.
package linkpages

import (
	"embed"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/notify"
)

const (
	activatePage = "/activate"
	resetPage    = "/reset"
	emailPage    = "/confirm-email"
)

// Identity returns the sender of messages whose links lead to the pages under the public URL.
func Identity(publicURL string) notify.Identity {
	base := strings.TrimRight(publicURL, "/")
	_, host, _ := strings.Cut(base, "://")
	host, _, _ = strings.Cut(host, "/")
	return notify.Identity{Host: host, Link: func(purpose domain.TokenPurpose, token string) string {
		page := resetPage
		switch purpose {
		case domain.TokenActivation:
			page = activatePage
		case domain.TokenEmail:
			page = emailPage
		default:
		}
		return base + page + "?token=" + url.QueryEscape(token)
	}}
}

//go:embed files
var files embed.FS

// policy lets a page load its own files and call this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri " +
	"'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// New returns the pages, for the root of the server.
func New() (httpserver.API, error) {
	pages := httpserver.API{Name: "links"}
	for _, page := range []struct{ path, file, contentType string }{
		{activatePage, "password.html", "text/html; charset=utf-8"},
		{resetPage, "password.html", "text/html; charset=utf-8"},
		{emailPage, "email.html", "text/html; charset=utf-8"},
		{"/links/page.js", "page.js", "text/javascript; charset=utf-8"},
		{"/links/page.css", "page.css", "text/css; charset=utf-8"},
	} {
		content, err := files.ReadFile("files/" + page.file)
		if err != nil {
			return httpserver.API{}, fmt.Errorf("pages of links: %w", err)
		}
		pages.Routes = append(pages.Routes, httpserver.Route{
			Method: http.MethodGet, Path: page.path, Access: httpserver.Public(), Handler: func(r *httpserver.Request) error {
				r.SetHeader("Cache-Control", "no-store")
				r.SetHeader("Content-Security-Policy", policy)
				return r.Raw(http.StatusOK, page.contentType, content)
			},
		})
	}
	return pages, nil
}
