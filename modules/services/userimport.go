package services

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/core/userimport"
	"github.com/ostiary/ostiary/ports"
)

type importNeeds struct {
	fx.In
	Users       ports.UserStore
	Roles       ports.RoleStore
	Catalog     ports.CatalogView
	Access      *access.Service
	Directories *directory.Registry
	Hashes      ports.PasswordHasher
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	IDs         ports.IDs
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
}

func newImport(n importNeeds) *userimport.Service {
	return userimport.New(userimport.Deps{
		Users: n.Users, Roles: n.Roles, Catalog: n.Catalog, Access: n.Access, Directories: n.Directories, Hashes: n.Hashes,
		AuditWriter: n.AuditWriter, Emails: n.Emails, IDs: n.IDs, Clock: n.Clock, CaseFolder: n.CaseFolder,
	})
}
