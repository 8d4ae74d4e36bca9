package storage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/ports"
)

// newSealer creates the data directory, and returns a sealer with the configured key, or with the key file that the
// first start creates in the directory. The configuration is validated to have a key if several nodes share the store.
func newSealer(c config.Config) (ports.Sealer, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil { // with every store: it holds the socket of the local API
		return nil, fmt.Errorf("creating the data directory: %w", err)
	}
	if c.Keyring.Key != "" {
		keys, err := keyring.ParseKeys(c.Keyring.Key.Reveal())
		if err != nil {
			return nil, err
		}
		return keyring.NewSealer(keys)
	}
	name := c.KeyFile()
	if lost(name, c.SQLiteFile()) {
		return nil, fmt.Errorf("the key file %s is missing, and the database beside it is sealed under its key: put it "+
			"back from the backup, or set keyring.key to its content", name)
	}
	keys, err := keyring.OpenKeyFile(name)
	if err != nil {
		return nil, err
	}
	return keyring.NewSealer(keys)
}

// lost reports that the key file is missing and the database exists. The key is created before the database, so that
// an interrupted first start does not look like this. A new key would open nothing and hide the loss.
func lost(keyFile, database string) bool {
	_, noKey := os.Stat(keyFile)
	_, noDatabase := os.Stat(database)
	return errors.Is(noKey, fs.ErrNotExist) && noDatabase == nil
}

func newTokens(
	lc fx.Lifecycle, c config.Config, store ports.Storage, sealer ports.Sealer, clock ports.Clock,
) (ports.AccessTokens, error) {
	tokens, err := keyring.NewTokens(keyring.Config{
		Issuer: c.TokenIssuer(), Audience: c.Tokens.Audience, Algorithm: c.Tokens.Algorithm,
		TokenLife: c.Tokens.AccessTokenLifetime,
	}, store.SigningKeys, sealer, clock)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StartHook(func(ctx context.Context) error { return tokens.Open(ctx) }))
	return tokens, nil
}
