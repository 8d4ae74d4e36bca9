package main

import (
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

func (a *app) tptCommand() *cobra.Command {
	return group("tpt", "Create, verify and revoke third-party tokens of the Users API", `Third-party tokens need users_api.tpt_secret.

  ostiary tpt create --role auditor
  ostiary tpt verify - < token-file`,
		a.tptCreateCommand(), a.tptListCommand(), a.tptRevokeCommand(), a.tptVerifyCommand())
}

func (a *app) tptCreateCommand() *cobra.Command {
	var in operator.TPTRole
	c := &cobra.Command{
		Use: "create --role ROLE", Short: "Create a token with a role", Args: args(cobra.NoArgs),
		Long: "Creates a token and prints it. It is displayed only once.",
	}
	c.Flags().StringVar(&in.Role, "role", "", "`role` of the token (required)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if in.Role == "" {
			return usagef("--role is required")
		}
		return a.operate(c.Context(), func(on operator.Caller) error {
			made, err := operator.TPTCreate.Call(c.Context(), on, in, nil)
			if err != nil {
				return err
			}
			return a.print(made, func() {
				a.printf(a.out, "%s\n", made.Token)
				a.printf(a.err, "Role %s, %s. Token id: %s\n", made.Role, endOf(made), made.ID)
			})
		})
	}
	return c
}

func (a *app) tptListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List third-party tokens", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				all, err := operator.TPTList.Call(c.Context(), on, struct{}{}, nil)
				if err != nil {
					return err
				}
				return a.print(all, func() {
					var rows [][]string
					for _, t := range all {
						rows = append(rows, []string{t.ID, t.Role, t.CreatedAt.Format(time.RFC3339), endOf(t), t.CreatedBy})
					}
					a.table([]string{"ID", "ROLE", "CREATED", "EXPIRES", "BY"}, rows)
				})
			})
		},
	}
}

func (a *app) tptRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Revoke a token immediately", Args: args(cobra.ExactArgs(1)),
		RunE: func(c *cobra.Command, given []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				ended, err := operator.TPTRevoke.Call(c.Context(), on, operator.TPTID{ID: given[0]}, nil)
				if err != nil {
					return err
				}
				return a.print(ended, func() { a.printTPT(ended) })
			})
		},
	}
}

func (a *app) tptVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify TOKEN | -", Short: "Verify a token: signature, expiry and revocation", Args: args(cobra.ExactArgs(1)),
		Long: `Verifies a token and prints its properties. Every process on the machine can read arguments: use -
to read the token from standard input.`,
		RunE: func(c *cobra.Command, given []string) (err error) {
			in := operator.TPTText{Token: given[0]}
			if in.Token == "-" {
				if in.Token, err = a.readLine("token"); err != nil {
					return err
				}
			}
			return a.operate(c.Context(), func(on operator.Caller) error {
				found, err := operator.TPTVerify.Call(c.Context(), on, in, nil)
				if err != nil {
					return err
				}
				return a.print(found, func() { a.printTPT(found) })
			})
		},
	}
}

func (a *app) printTPT(t operator.TPT) {
	a.fields([][2]string{
		{"ID", t.ID},
		{"Role", t.Role},
		{"Created", t.CreatedAt.Format(time.RFC3339)},
		{"By", t.CreatedBy},
		{"Expires", endOf(t)},
	})
}

func endOf(t operator.TPT) string {
	switch {
	case t.RevokedAt != nil:
		return "revoked " + t.RevokedAt.Format(time.RFC3339)
	case t.ExpiresAt != nil:
		return "expires " + t.ExpiresAt.Format(time.RFC3339)
	default:
		return "no expiry"
	}
}
