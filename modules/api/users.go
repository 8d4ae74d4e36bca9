package api

import (
	"fmt"
	"time"
	_ "time/tzdata" // time zones for machines without a time zone database

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/core/tpt"
	"github.com/ostiary/ostiary/modules/listener"
	"github.com/ostiary/ostiary/ports"
)

// Users returns the module of the Users API, or an empty option if the configuration disables it.
func Users(c config.Config) fx.Option {
	if !c.UsersAPI.Enabled {
		return fx.Options()
	}
	return fx.Module("api.users", fx.Provide(newUsers, newLevels), fx.Invoke(checkSecret))
}

// ThirdPartyTokens provides the service for third-party tokens, which the command line also uses.
var ThirdPartyTokens = fx.Module("api.tpt", fx.Provide(newTPT))

// signupRate limits how many users one address creates by self-signup.
var signupRate = domain.Rate{Limit: 10, Window: time.Hour}

type levelNeeds struct {
	fx.In
	Config     config.Config
	Accounts   *account.Service
	Access     *access.Service
	Users      ports.UserStore
	Catalog    ports.CatalogView
	Limits     ports.RateLimiter
	CaseFolder ports.CaseFolder
	Clock      ports.Clock
}

func newLevels(n levelNeeds) *rolepolicy.Service {
	var listMaxLevel *int // nil for all users
	if most := n.Config.UsersAPI.ListMaxLevel; most >= 0 {
		listMaxLevel = &most
	}
	return rolepolicy.New(rolepolicy.Deps{
		Accounts: n.Accounts, Access: n.Access, Users: n.Users, Catalog: n.Catalog, Limits: n.Limits, CaseFolder: n.CaseFolder, Clock: n.Clock,
		Config: rolepolicy.Config{
			SelfSignup: n.Config.UsersAPI.SelfSignup, AllowOwnReset: n.Config.UsersAPI.AllowOwnReset,
			ListMaxLevel: listMaxLevel, SignupRate: signupRate,
		},
	})
}

type tptNeeds struct {
	fx.In
	Config      config.Config
	Store       ports.ThirdPartyTokenStore
	Catalog     ports.CatalogView
	IDs         ports.IDs
	Clock       ports.Clock
	AuditWriter *audit.Writer
}

func newTPT(n tptNeeds) *tpt.Service {
	return tpt.New(tpt.Deps{
		Store: n.Store, Catalog: n.Catalog, IDs: n.IDs, Clock: n.Clock, AuditWriter: n.AuditWriter,
		Config: tpt.Config{
			Secret: n.Config.UsersAPI.SigningSecret(), Lifetime: n.Config.UsersAPI.TPTLifetime, Issuer: n.Config.TokenIssuer(),
		},
	})
}

func checkSecret(lifecycle fx.Lifecycle, tokens *tpt.Service) {
	lifecycle.Append(fx.StartHook(tokens.CheckSecret))
}

type usersNeeds struct {
	fx.In
	Config config.Config
	Auth   *auth.Service
	Levels *rolepolicy.Service
	TPT    *tpt.Service
	Clock  ports.Clock
}

func newUsers(n usersNeeds) (listener.APIs, error) {
	zone, err := time.LoadLocation(n.Config.UsersAPI.Timezone)
	if err != nil {
		return listener.APIs{}, fmt.Errorf("users_api.timezone: %w", err)
	}
	return listener.APIs{APIs: usersapi.New(usersapi.Services{
		Auth: n.Auth, Levels: n.Levels, TPT: n.TPT, Clock: n.Clock,
		Config: usersapi.Config{CORSOrigins: n.Config.UsersAPI.CORSOrigins, Timezone: zone},
	})}, nil
}
