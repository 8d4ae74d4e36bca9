// Package core composes the services: New is the one place that connects them with each other and with the ports.
package core

import (
	"time"

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
	"github.com/ostiary/ostiary/core/rolepolicy"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/core/tpt"
	"github.com/ostiary/ostiary/core/userimport"
	"github.com/ostiary/ostiary/ports"
)

// Ports are the implementations that the services call.
type Ports struct {
	ports.Storage

	Directories  *directory.Registry
	Hasher       ports.PasswordHasher
	Known        ports.KnownPasswords
	Codes        ports.OneTimeCodes
	Sealer       ports.Sealer
	AccessTokens ports.AccessTokens
	// ThirdPartyTokens is nil without a secret for them.
	ThirdPartyTokens ports.ThirdPartyTokens
	Locator          ports.Locator // nil if no address has a location
	CaseFolder       ports.CaseFolder
	IDs              ports.IDs
	Clock            ports.Clock
	Checkpoints      []ports.CheckpointSink
}

// Config holds the configured values of the services.
type Config struct {
	Sender     notify.Identity
	TOTPIssuer string // the name of the service in authenticator apps
	SMS        bool   // whether an SMS gateway is configured

	AccessTokenLifetime time.Duration
	LoginLimit          auth.LoginLimit
	ResetRate           domain.Rate
	ResetSourceRate     domain.Rate
	Exempt              domain.Networks // have no limit by source
	APIKeyRate          domain.Rate
	APIKeyLifetime      time.Duration
	MaxDisablePercent   int
	MaxDisableUsers     int

	SSO         sso.Config
	TPTLifetime time.Duration // 0: no expiry
	RolePolicy  rolepolicy.Config
}

// Services are the use cases.
type Services struct {
	Access      *access.Service
	Account     *account.Service
	Auth        *auth.Service
	Checker     *factor.Checker
	Factor      *factor.Service
	SSO         *sso.Service
	Keys        *apikey.Service
	TPT         *tpt.Service
	Settings    *settings.Service
	Idempotency *idempotency.Service
	RolePolicy  *rolepolicy.Service

	Registry    *directory.Registry
	Provisioner *directory.Provisioner
	Directory   *directory.Service
	Import      *userimport.Service
	KeyRotation *keyrotation.Service

	Audit       *audit.Service
	AuditAccess *audit.Access
	Sequencer   *audit.Sequencer
	Verifier    *audit.StoreVerifier
}

// New returns the services.
func New(p Ports, c Config) *Services {
	emails := notify.NewEmailBuilder(c.Sender, p.Sealer, p.IDs, p.Clock)
	writer := audit.NewWriter(p.IDs, p.Clock, p.Audit)
	w := wiring{p: p, c: c, s: &Services{Registry: p.Directories}, emails: emails, writer: writer}
	w.audit()
	w.users()
	w.signIn()
	w.administration()
	return w.s
}

// wiring is the state of New. Each step depends on the earlier ones.
type wiring struct {
	p Ports
	c Config
	s *Services

	emails *notify.EmailBuilder
	writer *audit.Writer
	signer *audit.Signer
}

func (w *wiring) audit() {
	p, s := &w.p, w.s
	w.signer = audit.NewSigner(p.Seals, p.Sealer)
	s.AuditAccess = audit.NewAccess(w.writer, p.Clock)
	s.Sequencer = audit.NewSequencer(p.Seals, w.signer, p.Clock, p.Checkpoints...)
	s.Verifier = audit.NewStoreVerifier(p.Proofs, p.Seals, w.signer)
	s.Audit = audit.New(audit.Deps{
		AuditLog: p.Audit, Proofs: p.Proofs, Sequencer: s.Sequencer, Signer: w.signer, Access: s.AuditAccess,
		Writer: w.writer, Clock: p.Clock,
	})
}

func (w *wiring) users() {
	p, c, s := &w.p, &w.c, w.s
	s.Access = access.New(access.Deps{
		Catalog: p.Catalog, Roles: p.Roles, Groups: p.Groups, Users: p.Users, Guard: p.Guard, AuditWriter: w.writer,
		IDs: p.IDs, Clock: p.Clock, CaseFolder: p.CaseFolder, MappedGroups: s.Registry.MappedGroups(),
	})
	s.Provisioner = directory.NewProvisioner(directory.Deps{
		Users: p.Users, Directories: s.Registry, Access: s.Access, AuditWriter: w.writer, IDs: p.IDs, Clock: p.Clock,
		CaseFolder: p.CaseFolder,
	})
	s.Account = account.New(account.Deps{
		Users: p.Users, Catalog: p.Catalog, Limits: p.Rates, SingleUse: p.SingleUse, Decoys: p.Decoys,
		Attempts: p.Attempts, CaseFolder: p.CaseFolder, Known: p.Known, IDs: p.IDs, Clock: p.Clock, Access: s.Access,
		Directories: s.Registry, Provisioner: s.Provisioner, AuditWriter: w.writer, Emails: w.emails, AuditLog: p.Audit,
		Eraser: p.Eraser, AuditAccess: s.AuditAccess,
		ResetRate: c.ResetRate, ResetSourceRate: c.ResetSourceRate, Exempt: c.Exempt,
	})
	s.RolePolicy = rolepolicy.New(rolepolicy.Deps{
		Accounts: s.Account, Access: s.Access, Users: p.Users, Catalog: p.Catalog, Limits: p.Rates,
		CaseFolder: p.CaseFolder, Clock: p.Clock, Config: c.RolePolicy,
	})
	s.Directory = directory.NewService(directory.ServiceDeps{
		Registry: s.Registry, Provisioner: s.Provisioner, Users: p.Users, Access: s.Access, AuditWriter: w.writer,
		Clock: p.Clock, CaseFolder: p.CaseFolder, Positions: p.SyncPositions, Limits: p.Rates,
		Attempts: p.Attempts, IDs: p.IDs, MaxDisablePercent: c.MaxDisablePercent,
		MaxDisableUsers: c.MaxDisableUsers,
	})
}

func (w *wiring) signIn() {
	p, c, s := &w.p, &w.c, w.s
	s.Checker = factor.NewChecker(factor.Deps{
		Users: p.Users, Attempts: p.Attempts, Catalog: p.Catalog, Codes: p.Codes, Sealer: p.Sealer, IDs: p.IDs,
		Clock: p.Clock, AuditWriter: w.writer, Emails: w.emails, Limits: p.Rates, Issuer: c.TOTPIssuer, SMS: c.SMS,
	})
	s.Factor = factor.New(s.Checker, s.Account)
	s.Keys = apikey.New(apikey.Deps{
		Keys: p.Keys, View: p.KeyView, Users: p.Users, Catalog: p.Catalog, Limits: p.Rates, IDs: p.IDs, Clock: p.Clock,
		AuditWriter: w.writer, Emails: w.emails, Rate: c.APIKeyRate, Life: c.APIKeyLifetime,
	})
	s.TPT = tpt.New(tpt.Deps{
		Store: p.Tokens, Catalog: p.Catalog, IDs: p.IDs, Clock: p.Clock, AuditWriter: w.writer,
		Tokens: p.ThirdPartyTokens, Lifetime: c.TPTLifetime,
	})
	s.Auth = auth.New(auth.Deps{
		Users: p.Users, Sessions: p.Sessions, View: p.View, Logins: p.Logins, Attempts: p.Attempts, Limits: p.Rates,
		Tokens: p.AccessTokens, Sealer: p.Sealer, CaseFolder: p.CaseFolder, IDs: p.IDs, Clock: p.Clock,
		Locator: p.Locator, Access: s.Access, Catalog: p.Catalog, Directories: s.Registry, Provisioner: s.Provisioner,
		AuditWriter: w.writer, Emails: w.emails, Factor: s.Checker, Keys: s.Keys, LoginLimit: c.LoginLimit,
		AccessTokenLifetime: c.AccessTokenLifetime,
	})
	s.SSO = sso.New(sso.Deps{
		Auth: s.Auth, Access: s.Access, Directories: s.Registry, Provisioner: s.Provisioner, Users: p.Users,
		Sessions: p.Sessions, View: p.View, SingleUse: p.SingleUse, Limits: p.Rates, Sealer: p.Sealer,
		CaseFolder: p.CaseFolder, Clock: p.Clock, AuditWriter: w.writer, Config: c.SSO,
	})
}

func (w *wiring) administration() {
	p, s := &w.p, w.s
	s.Settings = settings.New(settings.Deps{
		Store: p.Settings, Catalog: p.Catalog, Guard: p.Guard, Users: p.Users, AuditWriter: w.writer, Clock: p.Clock,
		VerifyCache: p.VerifyCache, SMS: w.c.SMS,
	})
	s.Idempotency = idempotency.New(p.Idempotency, p.Sealer, p.Clock)
	s.Import = userimport.New(userimport.Deps{
		Users: p.Users, Roles: p.Roles, Catalog: p.Catalog, Access: s.Access, Directories: s.Registry, Hashes: p.Hasher,
		AuditWriter: w.writer, Emails: w.emails, IDs: p.IDs, Clock: p.Clock, CaseFolder: p.CaseFolder,
	})
	s.KeyRotation = keyrotation.New(keyrotation.Deps{
		Users: p.Users, Sessions: p.Sessions, Tokens: p.AccessTokens, SigningKeys: p.SigningKeys, Signer: w.signer,
		Sealer: p.Sealer, Clock: p.Clock, AuditWriter: w.writer,
	})
}
