package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

func (a *app) roleCommand() *cobra.Command {
	return group("role", "List roles and repair built-in ones", "", a.roleListCommand(), a.roleRepairCommand())
}

func (a *app) roleListCommand() *cobra.Command {
	return &cobra.Command{
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
	}
}

func (a *app) roleRepairCommand() *cobra.Command {
	return &cobra.Command{
		Use: "repair [ROLE...]", Short: "Restore the level and the permissions of built-in roles",
		Args: args(cobra.ArbitraryArgs),
		Long: `Gives built-in roles the level and the permissions with which they are shipped: the roles that are named, or all. Names
stay, and so do roles of your own. Permissions that you have added to a built-in role are removed: where you have, name
the roles. It works beside a running server; a change counts from the next request of everybody who has the role.`,
		RunE: func(c *cobra.Command, given []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				repaired, err := operator.RoleRepair.Call(c.Context(), on, operator.RoleNames{IDs: given}, nil)
				if err != nil {
					return err
				}
				return a.print(repaired, func() {
					var rows [][]string
					for _, r := range repaired {
						rows = append(rows, []string{
							r.Role.ID, strconv.Itoa(r.Role.Level), mark(r.Changed, "restored"), strings.Join(r.Role.Permissions, " "),
						})
					}
					a.table([]string{"ID", "LEVEL", "", "PERMISSIONS"}, rows)
				})
			})
		},
	}
}

func (a *app) printRoles(roles []operator.Role) {
	var rows [][]string
	for _, r := range roles {
		rows = append(rows, []string{r.ID, r.Name, strconv.Itoa(r.Level), mark(r.BuiltIn, "built in"), strings.Join(r.Permissions, " ")})
	}
	a.table([]string{"ID", "NAME", "LEVEL", "", "PERMISSIONS"}, rows)
}

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Look after the service's keys", "", a.keyRotateCommand(), a.keyResealCommand())
}

func (a *app) keyResealCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reseal", Short: "Seal what is kept anew, under the first key-encryption key", Args: args(cobra.NoArgs),
		Long: `Seals signing keys, second factors and sessions anew that lie under a former key-encryption key, so that its line can be taken out
of the key file. Put the new key first in the file and start the service with it before. It may be broken off and run again; waiting
messages and answers stay under the former key, for seven days at the most.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				done, err := operator.KeyReseal.Call(c.Context(), on, struct{}{}, nil)
				if err != nil {
					return err
				}
				return a.print(done, func() {
					a.printf(a.out, "Sealed anew: %d users, %d sessions, and the signing keys.\n", done.Users, done.Sessions)
				})
			})
		},
	}
}

func (a *app) keyRotateCommand() *cobra.Command {
	return &cobra.Command{
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
	}
}
