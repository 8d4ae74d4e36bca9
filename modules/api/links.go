package api

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/modules/listener"
)

// Links provides the pages behind the links in emails.
var Links = fx.Module("api.links", fx.Provide(func() (listener.APIs, error) {
	pages, err := linkpages.New()
	return listener.APIs{APIs: []httpserver.API{pages}}, err
}))
