// Package modules lists the modules of the product. A program with a directory type of its own is a main package that
// adds directories.Type to one of the lists.
package modules

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/directories"
	"github.com/ostiary/ostiary/modules/httpapi"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/modules/localapi"
	"github.com/ostiary/ostiary/modules/services"
	"github.com/ostiary/ostiary/modules/storage"
	"github.com/ostiary/ostiary/ports"
)

// Directories returns the configured directories only, for commands that need nothing else.
func Directories(c config.Config) fx.Option {
	return fx.Options(fx.Supply(c), fx.Provide(newClock, newLog), directories.Module)
}

// Services returns the core services on the configured store, without listeners and jobs.
func Services(c config.Config) fx.Option {
	return fx.Options(Directories(c), storage.Module, services.Module)
}

// Server returns the whole service. It starts in the order of the list and stops in the opposite order.
func Server(c config.Config) fx.Option {
	return fx.Options(
		Services(c),
		bootstrap,
		jobs.Module,
		localapi.Module,
		httpapi.Module,
	)
}

func newClock() ports.Clock { return sysclock.Clock{} }
