// Package services provides the core services on the ports of the other modules and the configured values.
package services

import (
	"os"
	"time"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/casefold"
	"github.com/ostiary/ostiary/adapters/checkpointlog"
	"github.com/ostiary/ostiary/adapters/commonpasswords"
	"github.com/ostiary/ostiary/adapters/geoip"
	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/adapters/totp"
	"github.com/ostiary/ostiary/adapters/ulidgen"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the core services.
var Module = fx.Module("services", fx.Provide(newServices))

type deps struct {
	fx.In
	Lifecycle    fx.Lifecycle
	Config       config.Config
	Storage      ports.Storage
	Directories  *directory.Registry
	Hasher       ports.PasswordHasher
	Sealer       ports.Sealer
	AccessTokens ports.AccessTokens
	Clock        ports.Clock
}

func newServices(d deps) (*core.Services, error) {
	locator, err := openLocator(d.Lifecycle, d.Config.GeoIP.Database)
	if err != nil {
		return nil, err
	}
	checkpoints, err := openCheckpoints(d.Lifecycle, d.Config.Audit.Checkpoint)
	if err != nil {
		return nil, err
	}
	known, err := commonpasswords.New()
	if err != nil {
		return nil, err
	}
	s := core.New(core.Ports{
		Storage: d.Storage, Directories: d.Directories, Hasher: d.Hasher, Known: known, Sealer: d.Sealer,
		AccessTokens: d.AccessTokens, Clock: d.Clock, Codes: totp.New(), CaseFolder: casefold.CaseFolder{},
		IDs: ulidgen.New(d.Clock), Locator: locator, Checkpoints: checkpoints,
		ThirdPartyTokens: thirdPartyTokens(d.Config),
	}, configOf(d.Config))
	// A crash between a change and the update of the set of administrators leaves the set outdated.
	d.Lifecycle.Append(fx.StartHook(s.Access.Reconcile))
	return s, nil
}

// signupRate limits how many users one address creates by self-signup.
var signupRate = domain.Rate{Limit: 10, Window: time.Hour}

func configOf(c config.Config) core.Config {
	var listMaxLevel *int // nil for all users
	if most := c.UsersAPI.ListMaxLevel; most >= 0 {
		listMaxLevel = &most
	}
	limits := c.RateLimits
	return core.Config{
		Sender: linkpages.Identity(c.HTTP.PublicURL), TOTPIssuer: c.TOTPIssuer(),
		SMS: c.SMS.Driver == config.DriverHTTP, AccessTokenLifetime: c.Tokens.AccessTokenLifetime,
		LoginLimit: auth.LoginLimit{
			Rate: rate(limits.Login), FailuresOnly: limits.LoginCounts == config.CountFailures, Exempt: limits.Exempt,
		},
		ResetRate: rate(limits.PasswordReset), ResetSourceRate: rate(limits.PasswordResetSource), Exempt: limits.Exempt,
		APIKeyRate: rate(limits.APIKeys), APIKeyLifetime: time.Duration(c.APIKeys.MaxLifetimeDays) * 24 * time.Hour,
		MaxDisablePercent: c.DirectorySync.MaxDisablePercent, MaxDisableUsers: c.DirectorySync.MaxDisableUsers,
		SSO: sso.Config{
			CallbackURL: func(id domain.DirectoryID) string {
				return c.HTTP.PublicURL + "/api/v1/security/auth/oidc/" + string(id) + "/callback"
			},
			RedirectURIs: c.SSO.RedirectURIs, PostLogoutURIs: c.SSO.PostLogoutRedirectURIs,
			CheckEvery: c.SSO.CheckInterval, Exempt: limits.Exempt,
		},
		TPTLifetime: c.UsersAPI.TPTLifetime,
		RolePolicy: rolepolicy.Config{
			SelfSignup: c.UsersAPI.SelfSignup, AllowOwnReset: c.UsersAPI.AllowOwnReset, ListMaxLevel: listMaxLevel,
			SignupRate: signupRate,
		},
	}
}

// thirdPartyTokens returns nil without a secret, which disables third-party tokens.
func thirdPartyTokens(c config.Config) ports.ThirdPartyTokens {
	secret := c.UsersAPI.SigningSecret()
	if secret == "" {
		return nil
	}
	return keyring.NewThirdPartyTokens(secret, c.TokenIssuer())
}

func rate(r config.Rate) domain.Rate { return domain.Rate{Limit: r.Limit, Window: r.Window} }

// openLocator opens the GeoIP database; nil if there is none.
func openLocator(lc fx.Lifecycle, database string) (ports.Locator, error) {
	if database == "" {
		return nil, nil //nolint:nilnil // nil means no locations
	}
	locator, err := geoip.Open(database)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StopHook(locator.Close))
	return locator, nil
}

// openCheckpoints opens the configured sinks of the audit log's checkpoints.
func openCheckpoints(lc fx.Lifecycle, c config.Checkpoint) ([]ports.CheckpointSink, error) {
	var sinks []ports.CheckpointSink
	if c.Stdout {
		sinks = append(sinks, checkpointlog.New(os.Stdout, c.Entries))
	}
	if c.File != "" {
		file, err := checkpointlog.Open(c.File, c.Entries)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(file.Close))
		sinks = append(sinks, file)
	}
	return sinks, nil
}
