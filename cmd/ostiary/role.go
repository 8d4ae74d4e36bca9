package main

import (
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

func (a *app) roleCommand() *cobra.Command {
	return group("role", "List roles and repair built-in roles", "", a.roleListCommand(), a.roleRepairCommand())
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
		Long: `Resets the level and the permissions of built-in roles to their defaults: of the given roles, or of
all. Names and custom roles are not changed. Permissions that were added to a built-in role are
removed: give the roles to repair if you have added any. The command works with a running server; a
change takes effect with the next request of each user who has the role.`,
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
		rows = append(rows, []string{r.ID, r.Name, strconv.Itoa(r.Level), mark(r.BuiltIn, "built-in"), strings.Join(r.Permissions, " ")})
	}
	a.table([]string{"ID", "NAME", "LEVEL", "", "PERMISSIONS"}, rows)
}

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Rotate signing and encryption keys", "", a.keyRotateCommand(), a.keyResealCommand())
}

func (a *app) keyResealCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reseal", Short: "Re-encrypt stored secrets under the first key-encryption key", Args: args(cobra.NoArgs),
		Long: `Re-encrypts signing keys, second factors and sessions that are encrypted under a former
key-encryption key, so that its line can be removed from the key file. First put the new key on the
first line of the file and restart the service. The command can be interrupted and repeated. Queued
messages and stored responses stay under the former key for up to seven days.`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				done, err := operator.KeyReseal.Call(c.Context(), on, struct{}{}, nil)
				if err != nil {
					return err
				}
				return a.print(done, func() {
					a.printf(a.out, "Re-encrypted: %d users, %d sessions, and the signing keys.\n", done.Users, done.Sessions)
				})
			})
		},
	}
}

func (a *app) keyRotateCommand() *cobra.Command {
	return &cobra.Command{
		Use: "rotate", Short: "Rotate the signing key of access tokens", Args: args(cobra.NoArgs),
		Long: `Makes the next key the signing key. Tokens signed with the current key stay valid until they expire:
the key remains in the key set until then.`,
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
