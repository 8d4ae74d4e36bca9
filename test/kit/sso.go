package kit

import (
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/sso"
)

// AppURL is the default redirect URL after sign-in, and AppByeURL the one after sign-out.
const (
	AppURL    = "https://app.example.com/signed-in"
	AppByeURL = "https://app.example.com/bye"
)

// NewSSO returns another service for single sign-on on the same store, as on another node.
func (s *Services) NewSSO(c sso.Config) *sso.Service {
	if c.CallbackURL == nil {
		c.CallbackURL = func(id domain.DirectoryID) string {
			return "https://id.example.com/api/v1/security/auth/oidc/" + string(id) + "/callback"
		}
	}
	if c.RedirectURIs == nil {
		c.RedirectURIs, c.PostLogoutURIs = []string{AppURL}, []string{AppByeURL}
	}
	p := s.Ports
	return sso.New(sso.Deps{
		Auth: s.Auth, Access: s.Access, Directories: s.Registry, Users: p.Users, Sessions: p.Sessions, View: p.View,
		SingleUse: p.SingleUse, Limits: p.Rates, Sealer: s.Sealer, CaseFolder: s.CaseFolder, Clock: s.Clock, AuditWriter: s.AuditWriter, Config: c,
		Provisioner: directory.NewProvisioner(directory.Deps{
			Users: p.Users, Access: s.Access, AuditWriter: s.AuditWriter, IDs: s.IDs, Clock: s.Clock, CaseFolder: s.CaseFolder,
		}),
	})
}
