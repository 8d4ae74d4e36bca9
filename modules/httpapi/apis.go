package httpapi

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones for machines without a time zone database

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/config"
)

// newAPIs returns the Security API with the public keys, the API document and the documentation page; the Users API,
// if it is enabled; and the pages behind the links in emails.
func newAPIs(d deps) ([]httpserver.API, error) {
	c := d.Config
	security, err := securityapi.New(d.Services, securityapi.Config{
		Link: linkpages.Identity(c.HTTP.PublicURL).Link, SecureCookies: overHTTPS(c), CORSOrigins: c.HTTP.CORSOrigins,
		NoPages: !c.Docs.Enabled,
	})
	if err != nil {
		return nil, err
	}
	users, err := newUsersAPI(d)
	if err != nil {
		return nil, err
	}
	links, err := linkpages.New()
	if err != nil {
		return nil, err
	}
	return slices.Concat(security, users, []httpserver.API{links}), nil
}

func newUsersAPI(d deps) ([]httpserver.API, error) {
	c := d.Config.UsersAPI
	if !c.Enabled {
		return nil, nil
	}
	zone, err := time.LoadLocation(c.Timezone)
	if err != nil {
		return nil, fmt.Errorf("users_api.timezone: %w", err)
	}
	d.Lifecycle.Append(fx.StartHook(d.Services.TPT.CheckSecret))
	return usersapi.New(d.Services, usersapi.Config{CORSOrigins: c.CORSOrigins, Timezone: zone, Clock: d.Clock}), nil
}

func overHTTPS(c config.Config) bool { return strings.HasPrefix(c.HTTP.PublicURL, "https://") }
