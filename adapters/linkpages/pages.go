// Package linkpages serves the pages behind the links in emails: /activate, /reset and /confirm-email.
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

	"github.com/ostiary/ostiary/adapters/httpserver"
)

//go:embed files
var files embed.FS

// policy lets a page load its own files and call this server, and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'"

// New returns the pages, for the root of the server.
func New() (httpserver.API, error) {
	pages := httpserver.API{Name: "links"}
	for _, page := range []struct{ path, file, contentType string }{
		{"/activate", "password.html", "text/html; charset=utf-8"},
		{"/reset", "password.html", "text/html; charset=utf-8"},
		{"/confirm-email", "email.html", "text/html; charset=utf-8"},
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
