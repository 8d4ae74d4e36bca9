// Package bootstrap creates the first administrator of a new installation, or prints how to.
package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"os"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Module runs at the start, while there is no user.
var Module = fx.Module("bootstrap", fx.Invoke(onStart))

func onStart(lc fx.Lifecycle, c config.Config, accounts *account.Service, log *zap.Logger) {
	lc.Append(fx.StartHook(func(ctx context.Context) error {
		exists, err := accounts.HasUsers(ctx)
		switch {
		case err != nil || exists:
			return err
		case c.Bootstrap.Username != "":
			return makeFirst(ctx, c.Bootstrap, accounts, log)
		default:
			return offerSetup(ctx, c.HTTP.PublicURL, accounts)
		}
	}))
}

func makeFirst(ctx context.Context, first config.Bootstrap, accounts *account.Service, log *zap.Logger) error {
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

// offerSetup prints to standard error instead of the log, which other people may read.
func offerSetup(ctx context.Context, publicURL string, accounts *account.Service) error {
	token, err := accounts.NewSetupToken(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(os.Stderr, `
There is no user yet. Make the first administrator on this machine:

  ostiary user create NAME --email ADDRESS --role admin

or over the network, once and within the hour:

  curl %s/api/v1/security/setup -H 'Content-Type: application/json' \
    -d '{"token": "%s", "username": "NAME", "email": "ADDRESS", "password": "PASSWORD"}'

`, publicURL, token)
	return err
}
