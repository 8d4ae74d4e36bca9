package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

func (a *app) roleCommand() *cobra.Command {
	return group("role", "Look at roles", "", &cobra.Command{
		Use: "list", Short: "List roles with their permissions", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				roles, err := operator.RoleList.Call(c.Context(), on, struct{}{}, nil)
				if err != nil {
					return err
				}
				return a.print(roles, func() { a.printRoles(roles) })
			})
		},
	})
}

func (a *app) printRoles(roles []operator.Role) {
	var rows [][]string
	for _, r := range roles {
		rows = append(rows, []string{r.ID, r.Name, strconv.Itoa(r.Level), mark(r.BuiltIn, "built in"), strings.Join(r.Permissions, " ")})
	}
	a.table([]string{"ID", "NAME", "LEVEL", "", "PERMISSIONS"}, rows)
}

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Look after the keys that sign access tokens", "", &cobra.Command{
		Use: "rotate", Short: "Sign access tokens with a new key from now on", Args: args(cobra.NoArgs),
		Long: `Makes the next key the one that signs. Tokens under the present key stay good until they expire: it stays in the key set for as
long.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				key, err := operator.KeyRotate.Call(c.Context(), on, struct{}{}, nil)
				if err != nil {
					return err
				}
				return a.print(key, func() { a.printf(a.out, "Access tokens are now signed with the key %s.\n", key.ID) })
			})
		},
	})
}
