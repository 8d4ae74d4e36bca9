package services

import (
	"time"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/ports"
)

type ssoNeeds struct {
	fx.In
	Config      config.Config
	Auth        *auth.Service
	Access      *access.Service
	Directories *directory.Registry
	Provisioner *directory.Provisioner
	Users       ports.UserStore
	Sessions    ports.SessionStore
	View        ports.SessionView
	SingleUse   ports.SingleUseStore
	Limits      ports.RateLimiter
	Sealer      ports.Sealer
	CaseFolder  ports.CaseFolder
	Clock       ports.Clock
	AuditWriter *audit.Writer
}

func newSSO(n ssoNeeds) *sso.Service {
	api := n.Config.HTTP.PublicURL + "/api/v1/security/auth/oidc/"
	return sso.New(sso.Deps{
		Auth: n.Auth, Access: n.Access, Directories: n.Directories, Provisioner: n.Provisioner, Users: n.Users, Sessions: n.Sessions,
		View: n.View, SingleUse: n.SingleUse, Limits: n.Limits, Sealer: n.Sealer, CaseFolder: n.CaseFolder, Clock: n.Clock, AuditWriter: n.AuditWriter,
		Config: sso.Config{
			CallbackURL:    func(id domain.DirectoryID) string { return api + string(id) + "/callback" },
			RedirectURIs:   n.Config.SSO.RedirectURIs,
			PostLogoutURIs: n.Config.SSO.PostLogoutRedirectURIs,
			CheckEvery:     n.Config.SSO.CheckInterval,
			Exempt:         n.Config.RateLimits.Exempt,
		},
	})
}

// watchProviders checks every minute for sessions whose check is due.
func watchProviders(service *sso.Service) jobs.Result {
	return jobs.Result{Job: jobs.Job{Name: "watch_providers", Every: time.Minute, Run: service.WatchProviders}}
}
