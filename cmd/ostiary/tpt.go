package main

import (
	"context"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

func (a *app) tptCommand() *cobra.Command {
	return group("tpt", "Create, verify and revoke third-party tokens of the Users API", `Third-party tokens need users_api.tpt_secret.

  ostiary tpt create --role auditor
  ostiary tpt verify - < token-file`,
		a.tptCreateCommand(), a.tptListCommand(), a.tptRevokeCommand(), a.tptVerifyCommand())
}

func (a *app) tptCreateCommand() *cobra.Command {
	var in securityclient.CreateThirdPartyTokenRequest
	c := &cobra.Command{
		Use: "create --role ROLE", Short: "Create a token with a role", Args: args(cobra.NoArgs),
		Long: "Creates a token and prints it. It is displayed only once.",
	}
	c.Flags().StringVar(&in.Role, "role", "", "`role` of the token (required)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if in.Role == "" {
			return usagef("--role is required")
		}
		return a.callAPI(c.Context(), func(api *securityclient.Client) error {
			made, err := api.CreateThirdPartyToken(c.Context(), in)
			return a.printResult(made, err, func() {
				a.printf(a.out, "%s\n", made.Token)
				a.printf(a.err, "Role %s, %s. Token id: %s\n", made.Role, endOf(made.ExpiresAt, made.RevokedAt), made.TokenID)
			})
		})
	}
	return c
}

func (a *app) tptListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List third-party tokens", Args: args(cobra.NoArgs),
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, _ []string) error {
			all, err := listTokens(ctx, api)
			return a.printResult(all, err, func() {
				var rows [][]string
				for _, t := range all {
					rows = append(rows, []string{
						t.TokenID, t.Role, t.CreatedAt.Format(time.RFC3339), endOf(t.ExpiresAt, t.RevokedAt), valueOf(t.CreatedBy),
					})
				}
				a.table([]string{"ID", "ROLE", "CREATED", "EXPIRES", "BY"}, rows)
			})
		}),
	}
}

func listTokens(ctx context.Context, api *securityclient.Client) ([]securityclient.ThirdPartyToken, error) {
	return allPages(func(cursor *string) ([]securityclient.ThirdPartyToken, *string, error) {
		page, err := api.ListThirdPartyTokens(ctx, securityclient.ListThirdPartyTokensParams{Limit: new(100), Cursor: cursor})
		return page.Tokens, page.NextCursor, err
	})
}

func (a *app) tptRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use: "revoke ID", Short: "Revoke a token immediately", Args: args(cobra.ExactArgs(1)),
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, given []string) error {
			ended, err := api.RevokeThirdPartyToken(ctx, given[0])
			return a.printResult(ended, err, func() { a.printTPT(ended) })
		}),
	}
}

func (a *app) tptVerifyCommand() *cobra.Command {
	return &cobra.Command{
		Use: "verify TOKEN | -", Short: "Verify a token: signature, expiry and revocation", Args: args(cobra.ExactArgs(1)),
		Long: `Verifies a token and prints its properties. Every process on the machine can read arguments: use -
to read the token from standard input.`,
		RunE: func(c *cobra.Command, given []string) (err error) {
			in := securityclient.VerifyThirdPartyTokenRequest{Token: given[0]}
			if in.Token == "-" {
				if in.Token, err = a.readLine("token"); err != nil {
					return err
				}
			}
			return a.callAPI(c.Context(), func(api *securityclient.Client) error {
				found, err := api.VerifyThirdPartyToken(c.Context(), in)
				if err != nil {
					return err
				}
				if !found.Valid || found.Token == nil {
					return &securityclient.Error{
						Status: http.StatusUnauthorized, Code: "invalid_token",
						Message: valueOf(found.Reason),
					}
				}
				return a.print(found.Token, func() { a.printTPT(*found.Token) })
			})
		},
	}
}

func (a *app) printTPT(t securityclient.ThirdPartyToken) {
	a.fields([][2]string{
		{"ID", t.TokenID},
		{"Role", t.Role},
		{"Created", t.CreatedAt.Format(time.RFC3339)},
		{"By", valueOf(t.CreatedBy)},
		{"Expires", endOf(t.ExpiresAt, t.RevokedAt)},
	})
}

func endOf(expires, revoked *time.Time) string {
	switch {
	case revoked != nil:
		return "revoked " + revoked.Format(time.RFC3339)
	case expires != nil:
		return "expires " + expires.Format(time.RFC3339)
	default:
		return "no expiry"
	}
}
