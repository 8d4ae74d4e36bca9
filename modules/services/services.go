// Package services wires the core services.
package services

import (
	"context"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/idempotency"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/core/reseal"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the core services.
var Module = fx.Module("services",
	fx.Provide(
		newComposer,
		newAccess,
		newProvisioner,
		newDirectories,
		newChecker,
		newFactor,
		newKeys,
		newAccount,
		learnHashes,
		newAuth,
		newSSO,
		watchProviders,
		newSettings,
		idempotency.New,
		newImport,
		newReseal,
	),
	fx.Invoke(reconcile),
)

// Advice logs at the start which settings differ from current recommendations. It is part of the server, not of
// commands.
var Advice = fx.Module("services.advice", fx.Invoke(advise))

func advise(lc fx.Lifecycle, view ports.CatalogView, log *zap.Logger) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		catalog, err := view.Catalog(ctx)
		if err != nil {
			return err
		}
		for _, sentence := range settings.Advisories(&catalog.Settings) {
			log.Named("settings").Info(sentence)
		}
		return nil
	}))
}

// reconcile repairs the set of administrators after a crash between a change and the update of the set.
func reconcile(lc fx.Lifecycle, rights *access.Service) {
	lc.Append(fx.StartHook(func(ctx context.Context) error { return rights.Reconcile(ctx) }))
}

func newComposer(c config.Config, sealer ports.Sealer, ids ports.IDs, clock ports.Clock) (*notify.Composer, error) {
	return notify.NewComposer(notify.Identity{PublicURL: c.HTTP.PublicURL}, sealer, ids, clock)
}

type accessNeeds struct {
	fx.In
	Catalog ports.CatalogView
	Roles   ports.RoleStore
	Groups  ports.GroupStore
	Users   ports.UserStore
	Guard   ports.AdminGuard
	Journal *audit.Journal
	IDs     ports.IDs
	Clock   ports.Clock
	Folder  ports.TextFolder

	Directories *directory.Registry
}

func newAccess(n accessNeeds) *access.Service {
	return access.New(access.Needs{
		Catalog: n.Catalog, Roles: n.Roles, Groups: n.Groups, Users: n.Users, Guard: n.Guard,
		Journal: n.Journal, IDs: n.IDs, Clock: n.Clock, Folder: n.Folder, MappedGroups: n.Directories.MappedGroups(),
	})
}

type provisionNeeds struct {
	fx.In
	Users   ports.UserStore
	Access  *access.Service
	Journal *audit.Journal
	IDs     ports.IDs
	Clock   ports.Clock
	Folder  ports.TextFolder
}

func newProvisioner(n provisionNeeds) *directory.Provisioner {
	return directory.NewProvisioner(directory.Needs{
		Users: n.Users, Access: n.Access, Journal: n.Journal, IDs: n.IDs, Clock: n.Clock, Folder: n.Folder,
	})
}

type directoryNeeds struct {
	fx.In
	Config      config.Config
	Registry    *directory.Registry
	Provisioner *directory.Provisioner
	Users       ports.UserStore
	Access      *access.Service
	Journal     *audit.Journal
	Clock       ports.Clock
	Folder      ports.TextFolder
	Positions   ports.SyncPositionStore
}

func newDirectories(n directoryNeeds) *directory.Service {
	return directory.NewService(directory.ServiceNeeds{
		Registry: n.Registry, Provisioner: n.Provisioner, Users: n.Users, Access: n.Access, Journal: n.Journal, Clock: n.Clock,
		Folder: n.Folder, Positions: n.Positions, MaxDisablePercent: n.Config.DirectorySync.MaxDisablePercent,
	})
}

type factorNeeds struct {
	fx.In
	Config   config.Config
	Users    ports.UserStore
	Attempts ports.AttemptStore
	Catalog  ports.CatalogView
	Codes    ports.OneTimeCodes
	Sealer   ports.Sealer
	IDs      ports.IDs
	Clock    ports.Clock
	Journal  *audit.Journal
	Letters  *notify.Composer
	Limits   ports.RateLimiter
}

func newChecker(n factorNeeds) *factor.Checker {
	return factor.NewChecker(factor.Needs{
		Users: n.Users, Attempts: n.Attempts, Catalog: n.Catalog, Codes: n.Codes, Sealer: n.Sealer, IDs: n.IDs, Clock: n.Clock,
		Journal: n.Journal, Letters: n.Letters, Limits: n.Limits, Issuer: n.Config.TOTPIssuer(),
		SMS: n.Config.SMS.Driver == config.DriverHTTP,
	})
}

func newFactor(checker *factor.Checker, passwords *account.Service, limits ports.RateLimiter) *factor.Service {
	return factor.New(checker, passwords, limits)
}

type keyNeeds struct {
	fx.In
	Config  config.Config
	Keys    ports.APIKeyStore
	View    ports.KeyView
	Users   ports.UserStore
	Catalog ports.CatalogView
	Limits  ports.RateLimiter
	IDs     ports.IDs
	Clock   ports.Clock
	Journal *audit.Journal
	Letters *notify.Composer
}

func newKeys(n keyNeeds) *apikey.Service {
	return apikey.New(apikey.Needs{
		Keys: n.Keys, View: n.View, Users: n.Users, Catalog: n.Catalog, Limits: n.Limits, IDs: n.IDs, Clock: n.Clock,
		Journal: n.Journal, Letters: n.Letters, Rate: rate(n.Config.RateLimits.APIKeys),
		Life: time.Duration(n.Config.APIKeys.MaxLifetimeDays) * 24 * time.Hour,
	})
}

type resealNeeds struct {
	fx.In
	Users    ports.UserStore
	Sessions ports.SessionStore
	Tokens   ports.AccessTokens
	Signer   *audit.Signer
	Sealer   ports.Sealer
	Journal  *audit.Journal
}

func newReseal(n resealNeeds) *reseal.Service {
	return reseal.New(reseal.Needs{
		Users: n.Users, Sessions: n.Sessions, Tokens: n.Tokens, Signer: n.Signer, Sealer: n.Sealer, Journal: n.Journal,
	})
}

type accountNeeds struct {
	fx.In
	Config      config.Config
	Users       ports.UserStore
	Catalog     ports.CatalogView
	Limits      ports.RateLimiter
	Once        ports.OnceStore
	Attempts    ports.AttemptStore
	Folder      ports.TextFolder
	IDs         ports.IDs
	Clock       ports.Clock
	Access      *access.Service
	Directories *directory.Registry
	Journal     *audit.Journal
	Composer    *notify.Composer
	Trail       ports.AuditTrail
	Eraser      ports.AuditEraser
	Trace       *audit.Access
}

func newAccount(n accountNeeds) *account.Service {
	return account.New(account.Needs{
		Users: n.Users, Catalog: n.Catalog, Limits: n.Limits, Once: n.Once, Attempts: n.Attempts, Folder: n.Folder, IDs: n.IDs,
		Clock: n.Clock, Access: n.Access, Directories: n.Directories, Journal: n.Journal, Composer: n.Composer,
		Trail: n.Trail, Eraser: n.Eraser, ResetRate: rate(n.Config.RateLimits.PasswordReset),
		ResetSourceRate: rate(n.Config.RateLimits.PasswordResetSource), Exempt: n.Config.RateLimits.Exempt, Trace: n.Trace,
	})
}

// learnHashes measures foreign hashes at the start and once an hour, in case of an import meanwhile.
func learnHashes(service *account.Service) jobs.Result {
	return jobs.Result{Job: jobs.Job{Name: "learn_hashes", Every: time.Hour, AtStart: true, Run: service.LearnHashes}}
}

type authNeeds struct {
	fx.In
	Config      config.Config
	Users       ports.UserStore
	Sessions    ports.SessionStore
	View        ports.SessionView
	Logins      ports.LoginView
	Attempts    ports.AttemptStore
	Limits      ports.RateLimiter
	Tokens      ports.AccessTokens
	Sealer      ports.Sealer
	Folder      ports.TextFolder
	IDs         ports.IDs
	Clock       ports.Clock
	Locator     ports.Locator
	Access      *access.Service
	Catalog     ports.CatalogView
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	Journal     *audit.Journal
	Composer    *notify.Composer
	Factor      *factor.Checker
	Keys        *apikey.Service
}

func newAuth(n authNeeds) *auth.Service {
	return auth.New(auth.Needs{
		Users: n.Users, Sessions: n.Sessions, View: n.View, Logins: n.Logins, Attempts: n.Attempts, Limits: n.Limits, Tokens: n.Tokens,
		Sealer: n.Sealer, Folder: n.Folder, IDs: n.IDs, Clock: n.Clock, Locator: n.Locator, Access: n.Access, Catalog: n.Catalog,
		Directories: n.Directories, Provisioner: n.Provisioner, Journal: n.Journal, Composer: n.Composer, Factor: n.Factor,
		Keys: n.Keys, AccessTokenLifetime: n.Config.Tokens.AccessTokenLifetime,
		LoginLimit: auth.LoginLimit{
			Rate: rate(n.Config.RateLimits.Login), FailuresOnly: n.Config.RateLimits.LoginCounts == config.CountFailures,
			Exempt: n.Config.RateLimits.Exempt,
		},
	})
}

type settingsNeeds struct {
	fx.In
	Config  config.Config
	Store   ports.SettingsStore
	Catalog ports.CatalogView
	Guard   ports.AdminGuard
	Users   ports.UserStore
	Journal *audit.Journal
	Clock   ports.Clock
}

func newSettings(n settingsNeeds) *settings.Service {
	return settings.New(settings.Needs{
		Store: n.Store, Catalog: n.Catalog, Guard: n.Guard, Users: n.Users, Journal: n.Journal, Clock: n.Clock,
		SMS: n.Config.SMS.Driver == config.DriverHTTP,
	})
}

func rate(r config.Rate) domain.Rate { return domain.Rate{Limit: r.Limit, Window: r.Window} }
