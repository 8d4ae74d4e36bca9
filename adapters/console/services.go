package console

import (
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/keyrotation"
	"github.com/ostiary/ostiary/core/tpt"
	"github.com/ostiary/ostiary/core/userimport"
)

// Services are what the operations call.
type Services struct {
	Auth     *auth.Service
	Verifier *audit.StoreVerifier
	Log      *audit.Service
	TPTs     *tpt.Service
	Imports  *userimport.Service
	Seals    *keyrotation.Service
	// Directories are the configured ones, and Directory what is done with them.
	Directories *directory.Registry
	Directory   *directory.Service
}

// Operations returns all operations with the services behind them.
func Operations(s Services) []Handler {
	all := directoryOperations(directories{s.Directory})
	all = append(all, tptOperations(tpts{s.TPTs})...)
	all = append(all, importOperations(imports{s.Imports})...)
	return append(all,
		KeyRotate.Handle(keys{s.Seals}.rotate),
		KeyReseal.Handle(keys{s.Seals}.reseal),
		AuditVerify.Handle(logs{s.Verifier, s.Log}.verify),
		AuditRetain.Handle(logs{s.Verifier, s.Log}.retain),
	)
}
