// Package product lists the modules of the product. A custom program with an additional directory type is a main
// package that takes one of the lists and adds to it.
package product

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/api"
	"github.com/ostiary/ostiary/modules/auditlog"
	"github.com/ostiary/ostiary/modules/base"
	"github.com/ostiary/ostiary/modules/bootstrap"
	"github.com/ostiary/ostiary/modules/directories"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/modules/keys"
	"github.com/ostiary/ostiary/modules/listener"
	"github.com/ostiary/ostiary/modules/localapi"
	"github.com/ostiary/ostiary/modules/messages"
	"github.com/ostiary/ostiary/modules/operator"
	"github.com/ostiary/ostiary/modules/places"
	"github.com/ostiary/ostiary/modules/services"
	"github.com/ostiary/ostiary/modules/storage"
)

// Services returns the core services on the configured store, without listeners and jobs.
func Services(c config.Config) fx.Option {
	return fx.Options(
		fx.Supply(c),
		base.Module,
		keys.Module,
		storage.Module(c),
		directories.Module,
		auditlog.Module,
		services.Module,
		places.Module,
		api.ThirdPartyTokens,
		api.Services,
		operator.Module,
	)
}

// Directories returns the configured directories only, for commands that need nothing else.
func Directories(c config.Config) fx.Option {
	return fx.Options(fx.Supply(c), base.Module, directories.Module)
}

// Server returns the whole service: the services, the jobs and the listeners, in the order of their start.
func Server(c config.Config) fx.Option {
	return fx.Options(
		Services(c),
		services.Advice,
		bootstrap.Module,
		jobs.Module,
		auditlog.Jobs,
		directories.Jobs,
		messages.Module,
		localapi.Socket,
		api.Security,
		api.Users(c),
		api.Links,
		listener.Module,
	)
}
