// Package keys wires what holds secrets: the key-encryption key and the signing keys of access tokens.
package keys

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

// Module provides the sealer and the access tokens.
var Module = fx.Module("keys", fx.Provide(newSealer, newTokens))

// newSealer takes the configured key, or else the file that is made on the first start, with the data directory. Configuration
// has checked that a store which several nodes share comes with a key. The store needs it: it marks the audit log from the
// first entry on.
func newSealer(c config.Config) (ports.Sealer, error) {
	if c.Keyring.Key != "" {
		keys, err := keyring.ParseKeys(c.Keyring.Key.Reveal())
		if err != nil {
			return nil, err
		}
		return keyring.NewSealer(keys)
	}
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the data directory: %w", err)
	}
	name := c.KeyFile()
	if lost(name, c.SQLiteFile()) {
		return nil, fmt.Errorf("the key file %s is missing, and the database beside it is sealed under its key: put it back from the backup, "+
			"or set keyring.key to what it held", name)
	}
	keys, err := keyring.OpenKeyFile(name)
	if err != nil {
		return nil, err
	}
	return keyring.NewSealer(keys)
}

// lost tells that the key file is not there and the database is. The key is made before the database, so that no start which
// was broken off looks like this; a new key would open nothing and only hide what is missing.
func lost(keyFile, database string) bool {
	_, noKey := os.Stat(keyFile)
	_, noDatabase := os.Stat(database)
	return errors.Is(noKey, fs.ErrNotExist) && noDatabase == nil
}

func newTokens(lc fx.Lifecycle, c config.Config, store ports.SigningKeyStore, sealer ports.Sealer, clock ports.Clock) (ports.AccessTokens, error) {
	tokens, err := keyring.NewTokens(keyring.Config{
		Issuer: c.TokenIssuer(), Audience: c.Tokens.Audience, Algorithm: c.Tokens.Algorithm, TokenLife: c.Tokens.AccessTokenLifetime,
	}, store, sealer, clock)
	if err != nil {
		return nil, err
	}
	lc.Append(fx.StartHook(func(ctx context.Context) error { return tokens.Open(ctx) }))
	return tokens, nil
}
