package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Rotate signing and encryption keys", "", a.keyRotateCommand(), a.keyReencryptCommand())
}

func (a *app) keyReencryptCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reencrypt", Short: "Re-encrypt stored secrets under the first key-encryption key", Args: args(cobra.NoArgs),
		Long: `Re-encrypts signing keys, second factors and sessions that are encrypted under a former
key-encryption key, so that its line can be removed from the key file. First put the new key on the
first line of the file and restart the service. The command can be interrupted and repeated. Queued
messages and stored responses stay under the former key for up to seven days.`,
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, _ []string) error {
			done, err := api.ReencryptSecrets(ctx)
			return a.printResult(done, err, func() {
				a.printf(a.out, "Re-encrypted: %d users, %d sessions, and the signing keys.\n", done.Users, done.Sessions)
			})
		}),
	}
}

func (a *app) keyRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rotate", Short: "Rotate the signing key of access tokens", Args: args(cobra.NoArgs),
		Long: `Makes the next key the signing key. Tokens signed with the current key stay valid until they expire:
the key remains in the key set until then.`,
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, _ []string) error {
			key, err := api.RotateSigningKey(ctx)
			return a.printResult(key, err, func() {
				a.printf(a.out, "Access tokens are now signed with the key %s.\n", key.KeyID)
			})
		}),
	}
}
