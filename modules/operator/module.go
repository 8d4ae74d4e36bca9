package operator

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/console"
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/keyrotation"
	"github.com/ostiary/ostiary/core/tpt"
	"github.com/ostiary/ostiary/core/userimport"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the console on the services.
var Module = fx.Module("operator", fx.Provide(newConsole,
	fx.Annotate(func(own *console.Console) httpserver.API { return console.API(own) }, fx.ResultTags(`name:"rpc"`))))

type needs struct {
	fx.In
	IDs      ports.IDs
	Auth     *auth.Service
	Verifier *audit.StoreVerifier
	Log      *audit.Service
	TPTs     *tpt.Service
	Imports  *userimport.Service
	Seals    *keyrotation.Service

	Directories *directory.Registry
	Directory   *directory.Service
}

func newConsole(n needs) (*console.Console, error) {
	return console.New(n.IDs, console.Operations(console.Services{
		Auth: n.Auth, Verifier: n.Verifier, Log: n.Log, TPTs: n.TPTs, Imports: n.Imports,
		Seals:       n.Seals,
		Directories: n.Directories, Directory: n.Directory,
	})...)
}
