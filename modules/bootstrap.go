package modules

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/ports"
)

// bootstrap runs before the rest of the server starts. It is a module since Fx runs the invocations of modules first.
var bootstrap = fx.Module("bootstrap", fx.Invoke(createFirstUser, logAdvice))

// createFirstUser creates the first administrator of a new installation, or prints how to.
func createFirstUser(lc fx.Lifecycle, c config.Config, s *core.Services, log *zap.Logger) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		exists, err := s.Account.HasUsers(ctx)
		switch {
		case err != nil || exists:
			return err
		case c.Bootstrap.Username != "":
			return createConfigured(ctx, c.Bootstrap, s.Account, log)
		default:
			return printSetup(ctx, c.HTTP.PublicURL, s.Account)
		}
	}))
}

// logAdvice logs which settings differ from current recommendations.
func logAdvice(lc fx.Lifecycle, store ports.Storage, log *zap.Logger) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		catalog, err := store.Catalog.Catalog(ctx)
		if err != nil {
			return err
		}
		for _, sentence := range settings.Advisories(&catalog.Settings) {
			log.Named("settings").Info(sentence)
		}
		return nil
	}))
}

func createConfigured(ctx context.Context, first config.Bootstrap, accounts *account.Service, log *zap.Logger) error {
	made, err := accounts.CreateFirst(ctx, domain.System(), account.NewUser{
		Username: first.Username, Email: first.Email, Password: first.Password.Reveal(), Role: first.Role,
	})
	switch {
	case errors.Is(err, fault.ErrForbidden):
		return nil // another node was faster
	case err != nil:
		return fmt.Errorf("bootstrap: %w", err)
	}
	log.Info("created the first administrator", zap.String("user_id", string(made.ID)))
	return nil
}

// printSetup prints to standard error instead of the log, which other people may read.
func printSetup(ctx context.Context, publicURL string, accounts *account.Service) error {
	token, err := accounts.NewSetupToken(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stderr, `
There is no user yet. Create the first administrator on this machine:

  ostiary user create NAME --email ADDRESS --role admin

or over the network, once and within the hour:

  curl %s/api/v1/security/setup -H 'Content-Type: application/json' \
    -d '{"token": "%s", "username": "NAME", "email": "ADDRESS", "password": "PASSWORD"}'

`, publicURL, token)
	return err
}
