// Package directories wires the configured directories. An integrator adds a directory type by supplying its factory
// with Type.
package directories

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/argon2id"
	"github.com/ostiary/ostiary/adapters/builtindir"
	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the registry of the configured directories, and the password hasher of the built-in one.
var Module = fx.Module("directories",
	fx.Provide(
		newHasher,
		fx.Annotate(newRegistry, fx.ParamTags("", "", `group:"directory_types"`)),
		fx.Annotate(shippedTypes, fx.ResultTags(`group:"directory_types,flatten"`)),
	),
)

// Type adds a directory type that the configuration can name.
func Type(factory ports.DirectoryFactory) fx.Option {
	return fx.Supply(fx.Annotate(factory, fx.ResultTags(`group:"directory_types"`)))
}

func newHasher(c config.Config) (ports.PasswordHasher, error) {
	return argon2id.New(argon2id.Config{
		MemoryKiB:       uint32(c.Passwords.Argon2.MemoryKiB),  //nolint:gosec // bounded by the configuration's own check
		Passes:          uint32(c.Passwords.Argon2.Iterations), //nolint:gosec // the same
		Lanes:           uint8(c.Passwords.Argon2.Parallelism), //nolint:gosec // the same
		ExtraProcessors: runtime.GOMAXPROCS(0),
		QueueDeadline:   c.Passwords.QueueDeadline, QueueLength: c.Passwords.QueueLength,
	})
}

// shippedTypes are the directory types of the product. Everything that names the types derives from this list.
func shippedTypes(c config.Config, hasher ports.PasswordHasher, clock ports.Clock) []ports.DirectoryFactory {
	return append(ldapdir.Factories(clock), builtinType(hasher), oidcType(c, clock))
}

func builtinType(hasher ports.PasswordHasher) ports.DirectoryFactory {
	open := func(id domain.DirectoryID, decode func(any) error) (ports.Directory, error) {
		var nothing struct{}
		return builtindir.New(id, hasher), decode(&nothing)
	}
	return ports.DirectoryFactory{Type: builtindir.Type, Open: open}
}

func oidcType(c config.Config, clock ports.Clock) ports.DirectoryFactory {
	api := c.HTTP.PublicURL + "/api/v1/security/auth/oidc/"
	return oidcdir.Factory(oidcdir.Options{
		Clock:          clock,
		CallbackURL:    func(id domain.DirectoryID) string { return api + string(id) + "/callback" },
		BackChannelURL: func(id domain.DirectoryID) string { return api + string(id) + "/backchannel-logout" },
	})
}

// newRegistry opens the configured directories and closes them with the service.
func newRegistry(lc fx.Lifecycle, c config.Config, types []ports.DirectoryFactory) (*directory.Registry, error) {
	all, mistakes := openAll(c, types)
	lc.Append(fx.StopHook(func(ctx context.Context) error { return closeAll(ctx, all) }))
	if len(mistakes) > 0 {
		return nil, mistakes
	}
	return directory.NewRegistry(domain.DirectoryID(c.NewUserDirectory()), all...)
}

// openAll opens the configured directories, which makes no network call, and returns all errors in their settings.
func openAll(c config.Config, types []ports.DirectoryFactory) (all []ports.Directory, mistakes config.Mistakes) {
	byType := map[string]ports.DirectoryFactory{}
	for _, t := range types {
		byType[t.Type] = t
	}
	for _, d := range c.Directories {
		opened, err := open(d, byType)
		if err != nil {
			mistakes = append(mistakes, mistakesOf(d, err)...)
			continue
		}
		all = append(all, opened)
	}
	return all, mistakes
}

func closeAll(ctx context.Context, all []ports.Directory) error {
	var failed []error
	for _, d := range all {
		failed = append(failed, d.Close(ctx))
	}
	return errors.Join(failed...)
}

func open(d config.Directory, byType map[string]ports.DirectoryFactory) (ports.Directory, error) {
	factory, ok := byType[d.Type]
	if !ok {
		names := strings.Join(slices.Sorted(maps.Keys(byType)), ", ")
		problem := fmt.Sprintf("%q is none of %s", d.Type, names)
		if d.Type == "" {
			problem = "must be one of " + names
		}
		return nil, config.Mistakes{{Key: "directories." + d.ID + ".type", Problem: problem}}
	}
	return factory.Open(domain.DirectoryID(d.ID), d.Decode)
}

func mistakesOf(d config.Directory, err error) config.Mistakes {
	if mistakes, ok := errors.AsType[config.Mistakes](err); ok {
		return mistakes
	}
	key := "directories." + d.ID
	var mistakes config.Mistakes
	for _, detail := range fault.Of(err).Details() {
		mistakes = append(mistakes, config.Mistake{Key: key + "." + detail.Field, Problem: detail.Reason})
	}
	if len(mistakes) == 0 {
		mistakes = config.Mistakes{{Key: key, Problem: err.Error()}}
	}
	return mistakes
}

// Check returns the errors in the settings of the directories of built-in types. It serves a configuration with
// errors elsewhere, so that all of them are reported at once.
func Check(ctx context.Context, c config.Config) config.Mistakes {
	unnamed := func(d config.Directory) bool { return d.ID == "" } // reported already
	c.Directories = slices.DeleteFunc(slices.Clone(c.Directories), unnamed)
	all, mistakes := openAll(c, shippedTypes(c, nil, sysclock.Clock{}))
	_ = closeAll(ctx, all) // they hold no data that could be lost
	return mistakes
}
