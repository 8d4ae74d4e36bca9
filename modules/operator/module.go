package operator

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/console"
	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/ulidgen"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the console on the services.
var Module = fx.Module("operator", fx.Provide(newConsole,
	fx.Annotate(func(own *console.Console) httpserver.API { return console.API(own) }, fx.ResultTags(`name:"rpc"`))))

func newConsole(clock ports.Clock, s *core.Services) (*console.Console, error) {
	return console.New(ulidgen.New(clock), console.Operations(s.Import)...)
}
