package main

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

var errUserNotFound = &securityclient.Error{Status: http.StatusNotFound, Code: "not_found", Message: "User not found"}

// findUser returns the user with the username, e-mail address or user id.
func findUser(ctx context.Context, api *securityclient.Client, name string) (securityclient.UserSummary, error) {
	if name == "" {
		return securityclient.UserSummary{}, errUserNotFound
	}
	found, err := api.ListUsers(ctx, securityclient.ListUsersParams{Login: &name})
	if err == nil && len(found.Users) != 1 {
		err = errUserNotFound
	}
	if err != nil {
		return securityclient.UserSummary{}, err
	}
	return found.Users[0], nil
}

// onUser returns a command that calls do with the id of the user in its argument and prints the user.
func (a *app) onUser(
	use, short, long string, do func(ctx context.Context, api *securityclient.Client, id string) error,
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Args: args(cobra.ExactArgs(1)),
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, given []string) error {
			found, err := findUser(ctx, api, given[0])
			if err != nil {
				return err
			}
			if err := do(ctx, api, found.UserID); err != nil {
				return err
			}
			return a.showUser(ctx, api, found.UserID)
		}),
	}
}

func (a *app) showUser(ctx context.Context, api *securityclient.Client, id string) error {
	user, err := api.GetUser(ctx, id)
	if err != nil {
		return err
	}
	sessions, err := api.ListSessions(ctx, id, securityclient.ListSessionsParams{})
	return a.printResult(user, err, func() { a.printUser(user, int(sessions.Total)) })
}

func (a *app) userFactorCommand() *cobra.Command {
	return group("factor", "Manage a user's second factor", "", a.onUser("disable NAME", "Disable a user's second factor",
		`Disables the second factor of a user who has lost their device and backup codes: verify the user's
identity first. The user is notified by e-mail and can enroll again. This also works while the user's
role requires a factor.`, func(ctx context.Context, api *securityclient.Client, id string) error {
			_, err := api.DisableTwoFactor(ctx, id, securityclient.DisableTwoFactorRequest{})
			return err
		}))
}

func (a *app) userPasswordCommand() *cobra.Command {
	return group("password", "Set or reset a user's password", "", a.passwordSetCommand(), a.passwordResetCommand())
}

func (a *app) passwordSetCommand() *cobra.Command {
	var withCurrent bool
	c := &cobra.Command{
		Use: "set NAME", Short: "Set a user's password", Args: args(cobra.ExactArgs(1)),
		Long: `Sets the password in the user's directory. It is prompted for on a terminal, or read from standard
input. All sessions of the user end, and the user is notified by e-mail.`,
		Example: "  ostiary user password set ada\n  printf '%s\\n' \"$CURRENT\" \"$NEW\" | ostiary user password set ada " +
			"--current",
	}
	c.Flags().BoolVar(&withCurrent, "current", false, "read and verify the current password first")
	c.RunE = func(c *cobra.Command, given []string) (err error) {
		var current string
		if withCurrent {
			if current, err = a.readPassword("Current password", false); err != nil {
				return err
			}
		}
		password, err := a.readPassword("New password", true)
		if err != nil {
			return err
		}
		return a.callAPI(c.Context(), func(api *securityclient.Client) error {
			user, err := findUser(c.Context(), api, given[0])
			if err != nil {
				return err
			}
			done, err := api.SetPassword(c.Context(), user.UserID, securityclient.SetPasswordRequest{
				CurrentPassword: optional(current), NewPassword: password,
			})
			return a.printResult(done, err, func() {
				a.printf(a.out, "The password of %s is set. All sessions of the user have ended.\n", printable(user.Username))
			})
		})
	}
	return c
}

func (a *app) passwordResetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reset NAME", Short: "Print a single-use password reset link", Args: args(cobra.ExactArgs(1)),
		Long: `Prints a single-use link with which the user sets a new password. Nothing changes until it is used.
Anyone with the link can set the password: send it over a secure channel.`,
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, given []string) error {
			user, err := findUser(ctx, api, given[0])
			if err != nil {
				return err
			}
			link, err := api.CreatePasswordResetLink(ctx, user.UserID)
			return a.printResult(link, err, func() {
				a.printf(a.out, "%s\n", link.URL)
				a.printf(a.err, "Single-use link for %s, valid until %s.\n",
					printable(user.Username), link.ExpiresAt.Format(time.RFC3339))
			})
		}),
	}
}
