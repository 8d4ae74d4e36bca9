package main

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

func (a *app) roleCommand() *cobra.Command {
	return group("role", "List roles and repair built-in roles", "", a.roleListCommand(), a.roleRepairCommand())
}

func (a *app) roleListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List roles with their permissions", Args: args(cobra.NoArgs),
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, _ []string) error {
			roles, err := listRoles(ctx, api)
			return a.printResult(roles, err, func() { a.printRoles(roles) })
		}),
	}
}

func listRoles(ctx context.Context, api *securityclient.Client) ([]securityclient.Role, error) {
	return allPages(func(cursor *string) ([]securityclient.Role, *string, error) {
		page, err := api.ListRoles(ctx, securityclient.ListRolesParams{Limit: new(100), Cursor: cursor})
		return page.Roles, page.NextCursor, err
	})
}

func (a *app) roleRepairCommand() *cobra.Command {
	return &cobra.Command{
		Use: "repair [ROLE...]", Short: "Restore the level and the permissions of built-in roles",
		Args: args(cobra.ArbitraryArgs),
		Long: `Resets the level and the permissions of built-in roles to their defaults: of the given roles, or of
all. Names and custom roles are not changed. Permissions that were added to a built-in role are
removed: give the roles to repair if you have added any. The command works with a running server; a
change takes effect with the next request of each user who has the role.`,
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, given []string) error {
			repaired, err := repairRoles(ctx, api, given)
			return a.printResult(repaired, err, func() {
				var rows [][]string
				for _, r := range repaired {
					rows = append(rows, []string{
						r.Role.RoleID, strconv.Itoa(r.Role.Level), mark(r.Changed, "restored"), strings.Join(r.Role.Permissions, " "),
					})
				}
				a.table([]string{"ID", "LEVEL", "", "PERMISSIONS"}, rows)
			})
		}),
	}
}

// repairRoles repairs the roles, or all built-in ones. A role that cannot be repaired is an error before any change.
func repairRoles(ctx context.Context, api *securityclient.Client, ids []string) ([]securityclient.RepairedRole, error) {
	roles, err := listRoles(ctx, api)
	if err != nil {
		return nil, err
	}
	var builtIn []string
	for _, r := range roles {
		if r.BuiltIn {
			builtIn = append(builtIn, r.RoleID)
		}
	}
	if len(ids) == 0 {
		ids = builtIn
	}
	slices.SortStableFunc(ids, func(a, b string) int {
		// the server refuses those that are in none first
		return cmp.Compare(slices.Index(builtIn, a), slices.Index(builtIn, b))
	})
	all := make([]securityclient.RepairedRole, 0, len(ids))
	for _, id := range ids {
		repaired, err := api.RepairRole(ctx, id)
		if err != nil {
			return nil, err
		}
		all = append(all, repaired)
	}
	return all, nil
}

func (a *app) printRoles(roles []securityclient.Role) {
	var rows [][]string
	for _, r := range roles {
		rows = append(rows, []string{
			r.RoleID, r.Name, strconv.Itoa(r.Level), mark(r.BuiltIn, "built-in"),
			strings.Join(r.Permissions, " "),
		})
	}
	a.table([]string{"ID", "NAME", "LEVEL", "", "PERMISSIONS"}, rows)
}
