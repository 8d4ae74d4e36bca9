package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

// onUser returns a command that does one thing to the user it is given and shows them.
func (a *app) onUser(use, short, long string, call func(context.Context, operator.Caller, operator.UserName, func(operator.Progress)) (operator.User, error)) *cobra.Command {
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
	return group("factor", "Look after a user's second factor", "", a.onUser("disable NAME", "Switch a user's second factor off",
		"Switches the second factor off, for somebody who has lost their device and their backup codes: make sure that it is them who asks.\n"+
			"They are told by mail, and enroll anew; also where their role requires a factor.", operator.UserFactorDisable.Call))
}

func (a *app) userPasswordCommand() *cobra.Command {
	return group("password", "Set a user's password, or let them choose one", "", a.passwordSetCommand(), a.passwordResetCommand())
}

func (a *app) passwordSetCommand() *cobra.Command {
	var withCurrent bool
	c := &cobra.Command{
		Use: "set NAME", Short: "Set a user's password", Args: args(cobra.ExactArgs(1)),
		Long: `Sets a password, in the user's directory. It is asked for on a terminal, and else read from standard input. All the user's
sessions end, and they are told by mail.`,
		Example: "  ostiary user password set ada\n  printf '%s\\n' \"$CURRENT\" \"$NEW\" | ostiary user password set ada --current",
	}
	c.Flags().BoolVar(&withCurrent, "current", false, "take the present password too, before the new one, and refuse if it is wrong")
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
				a.printf(a.out, "The password of %s is set; their sessions have ended.\n", printable(user.Username))
			})
		})
	}
	return c
}

func (a *app) passwordResetCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reset NAME", Short: "Print a one-time link to choose a password", Args: args(cobra.ExactArgs(1)),
		Long: `Prints a link by which the user chooses a new password, once. Nothing changes until they do. Whoever has the link can set the
password: hand it over in a safe way.`,
		RunE: func(c *cobra.Command, given []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				link, err := operator.UserPasswordReset.Call(c.Context(), on, operator.UserName{Name: given[0]}, nil)
				if err != nil {
					return err
				}
				return a.print(link, func() {
					a.printf(a.out, "%s\n", link.URL)
					a.printf(a.err, "For %s, until %s, once.\n", printable(link.User.Username), link.ExpiresAt.Format(time.RFC3339))
				})
			})
		},
	}
}
