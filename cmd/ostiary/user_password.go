package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

// onUser returns a command that calls call with the user in its argument and prints the user.
func (a *app) onUser(
	use, short, long string,
	call func(context.Context, operator.Caller, operator.UserName, func(operator.Progress)) (operator.User, error),
) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Long: long, Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				user, err := call(c.Context(), on, operator.UserName{Name: given[0]}, nil)
				if err != nil {
					return err
				}
				return a.print(user, func() { a.printUser(user) })
			})
		},
	}
}

func (a *app) userFactorCommand() *cobra.Command {
	return group("factor", "Manage a user's second factor", "", a.onUser("disable NAME", "Disable a user's second factor",
		`Disables the second factor of a user who has lost their device and backup codes: verify the user's
identity first. The user is notified by e-mail and can enroll again. This also works while the user's
role requires a factor.`, operator.UserFactorDisable.Call))
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
		Example: "  ostiary user password set ada\n  printf '%s\\n' \"$CURRENT\" \"$NEW\" | ostiary user password set ada --current",
	}
	c.Flags().BoolVar(&withCurrent, "current", false, "read and verify the current password first")
	c.RunE = func(c *cobra.Command, given []string) (err error) {
		in := operator.NewPassword{Name: given[0]}
		if withCurrent {
			if in.Current, err = a.readPassword("Current password", false); err != nil {
				return err
			}
		}
		if in.Password, err = a.readPassword("New password", true); err != nil {
			return err
		}
		return a.operate(c.Context(), func(on operator.Caller) error {
			user, err := operator.UserPasswordSet.Call(c.Context(), on, in, nil)
			if err != nil {
				return err
			}
			return a.print(user, func() {
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
		RunE: func(c *cobra.Command, given []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				link, err := operator.UserPasswordReset.Call(c.Context(), on, operator.UserName{Name: given[0]}, nil)
				if err != nil {
					return err
				}
				return a.print(link, func() {
					a.printf(a.out, "%s\n", link.URL)
					a.printf(a.err, "Single-use link for %s, valid until %s.\n",
						printable(link.User.Username), link.ExpiresAt.Format(time.RFC3339))
				})
			})
		},
	}
}
