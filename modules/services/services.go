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
	"github.com/ostiary/ostiary/core/keyrotation"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the core services.
var Module = fx.Module("services",
	fx.Provide(
		newEmailBuilder,
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

func newEmailBuilder(c config.Config, sealer ports.Sealer, ids ports.IDs, clock ports.Clock) (*notify.EmailBuilder, error) {
	return notify.NewEmailBuilder(notify.Identity{PublicURL: c.HTTP.PublicURL}, sealer, ids, clock)
}

type accessNeeds struct {
	fx.In
	Catalog     ports.CatalogView
	Roles       ports.RoleStore
	Groups      ports.GroupStore
	Users       ports.UserStore
	Guard       ports.AdminGuard
	AuditWriter *audit.Writer
	IDs         ports.IDs
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder

	Directories *directory.Registry
}

func newAccess(n accessNeeds) *access.Service {
	return access.New(access.Deps{
		Catalog: n.Catalog, Roles: n.Roles, Groups: n.Groups, Users: n.Users, Guard: n.Guard,
		AuditWriter: n.AuditWriter, IDs: n.IDs, Clock: n.Clock, CaseFolder: n.CaseFolder, MappedGroups: n.Directories.MappedGroups(),
	})
}

type provisionNeeds struct {
	fx.In
	Users       ports.UserStore
	Access      *access.Service
	AuditWriter *audit.Writer
	IDs         ports.IDs
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
}

func newProvisioner(n provisionNeeds) *directory.Provisioner {
	return directory.NewProvisioner(directory.Deps{
		Users: n.Users, Access: n.Access, AuditWriter: n.AuditWriter, IDs: n.IDs, Clock: n.Clock, CaseFolder: n.CaseFolder,
	})
}

type directoryNeeds struct {
	fx.In
	Config      config.Config
	Registry    *directory.Registry
	Provisioner *directory.Provisioner
	Users       ports.UserStore
	Access      *access.Service
	AuditWriter *audit.Writer
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
	Positions   ports.SyncPositionStore
}

func newDirectories(n directoryNeeds) *directory.Service {
	return directory.NewService(directory.ServiceDeps{
		Registry: n.Registry, Provisioner: n.Provisioner, Users: n.Users, Access: n.Access, AuditWriter: n.AuditWriter, Clock: n.Clock,
		CaseFolder: n.CaseFolder, Positions: n.Positions, MaxDisablePercent: n.Config.DirectorySync.MaxDisablePercent,
	})
}

type factorNeeds struct {
	fx.In
	Config      config.Config
	Users       ports.UserStore
	Attempts    ports.AttemptStore
	Catalog     ports.CatalogView
	Codes       ports.OneTimeCodes
	Sealer      ports.Sealer
	IDs         ports.IDs
	Clock       ports.Clock
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	Limits      ports.RateLimiter
}

func newChecker(n factorNeeds) *factor.Checker {
	return factor.NewChecker(factor.Deps{
		Users: n.Users, Attempts: n.Attempts, Catalog: n.Catalog, Codes: n.Codes, Sealer: n.Sealer, IDs: n.IDs, Clock: n.Clock,
		AuditWriter: n.AuditWriter, Emails: n.Emails, Limits: n.Limits, Issuer: n.Config.TOTPIssuer(),
		SMS: n.Config.SMS.Driver == config.DriverHTTP,
	})
}

func newFactor(checker *factor.Checker, passwords *account.Service, limits ports.RateLimiter) *factor.Service {
	return factor.New(checker, passwords, limits)
}

type keyNeeds struct {
	fx.In
	Config      config.Config
	Keys        ports.APIKeyStore
	View        ports.KeyView
	Users       ports.UserStore
	Catalog     ports.CatalogView
	Limits      ports.RateLimiter
	IDs         ports.IDs
	Clock       ports.Clock
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
}

func newKeys(n keyNeeds) *apikey.Service {
	return apikey.New(apikey.Deps{
		Keys: n.Keys, View: n.View, Users: n.Users, Catalog: n.Catalog, Limits: n.Limits, IDs: n.IDs, Clock: n.Clock,
		AuditWriter: n.AuditWriter, Emails: n.Emails, Rate: rate(n.Config.RateLimits.APIKeys),
		Life: time.Duration(n.Config.APIKeys.MaxLifetimeDays) * 24 * time.Hour,
	})
}

type resealNeeds struct {
	fx.In
	Users       ports.UserStore
	Sessions    ports.SessionStore
	Tokens      ports.AccessTokens
	Signer      *audit.Signer
	Sealer      ports.Sealer
	AuditWriter *audit.Writer
}

func newReseal(n resealNeeds) *keyrotation.Service {
	return keyrotation.New(keyrotation.Deps{
		Users: n.Users, Sessions: n.Sessions, Tokens: n.Tokens, Signer: n.Signer, Sealer: n.Sealer, AuditWriter: n.AuditWriter,
	})
}

type accountNeeds struct {
	fx.In
	Config      config.Config
	Users       ports.UserStore
	Catalog     ports.CatalogView
	Limits      ports.RateLimiter
	SingleUse   ports.SingleUseStore
	Attempts    ports.AttemptStore
	CaseFolder  ports.CaseFolder
	Known       ports.KnownPasswords
	IDs         ports.IDs
	Clock       ports.Clock
	Access      *access.Service
	Directories *directory.Registry
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	AuditLog    ports.AuditLog
	Eraser      ports.AuditEraser
	Trace       *audit.Access
}

func newAccount(n accountNeeds) *account.Service {
	return account.New(account.Deps{
		Users: n.Users, Catalog: n.Catalog, Limits: n.Limits, SingleUse: n.SingleUse, Attempts: n.Attempts, CaseFolder: n.CaseFolder, Known: n.Known, IDs: n.IDs,
		Clock: n.Clock, Access: n.Access, Directories: n.Directories, AuditWriter: n.AuditWriter, Emails: n.Emails,
		AuditLog: n.AuditLog, Eraser: n.Eraser, ResetRate: rate(n.Config.RateLimits.PasswordReset),
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
	CaseFolder  ports.CaseFolder
	IDs         ports.IDs
	Clock       ports.Clock
	Locator     ports.Locator
	Access      *access.Service
	Catalog     ports.CatalogView
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	Factor      *factor.Checker
	Keys        *apikey.Service
}

func newAuth(n authNeeds) *auth.Service {
	return auth.New(auth.Deps{
		Users: n.Users, Sessions: n.Sessions, View: n.View, Logins: n.Logins, Attempts: n.Attempts, Limits: n.Limits, Tokens: n.Tokens,
		Sealer: n.Sealer, CaseFolder: n.CaseFolder, IDs: n.IDs, Clock: n.Clock, Locator: n.Locator, Access: n.Access, Catalog: n.Catalog,
		Directories: n.Directories, Provisioner: n.Provisioner, AuditWriter: n.AuditWriter, Emails: n.Emails, Factor: n.Factor,
		Keys: n.Keys, AccessTokenLifetime: n.Config.Tokens.AccessTokenLifetime,
		LoginLimit: auth.LoginLimit{
			Rate: rate(n.Config.RateLimits.Login), FailuresOnly: n.Config.RateLimits.LoginCounts == config.CountFailures,
			Exempt: n.Config.RateLimits.Exempt,
		},
	})
}

type settingsNeeds struct {
	fx.In
	Config      config.Config
	Store       ports.SettingsStore
	Catalog     ports.CatalogView
	Guard       ports.AdminGuard
	Users       ports.UserStore
	AuditWriter *audit.Writer
	Clock       ports.Clock
}

func newSettings(n settingsNeeds) *settings.Service {
	return settings.New(settings.Deps{
		Store: n.Store, Catalog: n.Catalog, Guard: n.Guard, Users: n.Users, AuditWriter: n.AuditWriter, Clock: n.Clock,
		SMS: n.Config.SMS.Driver == config.DriverHTTP,
	})
}

func rate(r config.Rate) domain.Rate { return domain.Rate{Limit: r.Limit, Window: r.Window} }
