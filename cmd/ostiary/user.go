package main

import (
	"context"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

func (a *app) userCommand() *cobra.Command {
	return group("user", "Create and manage users", `NAME is a username, an e-mail address or a user id.

  ostiary user create ada --email ada@example.org --role admin
  ostiary user list --status active
  ostiary user password reset ada`,
		a.userCreateCommand(), a.userListCommand(), a.userShowCommand(), a.userPasswordCommand(), a.userFactorCommand(),
		a.userUnlockCommand(), a.userUnlinkCommand(), a.userDeactivateCommand())
}

func (a *app) userCreateCommand() *cobra.Command {
	var email, fullName, phone, role, directory, password string
	var groups []string
	var invite bool
	c := &cobra.Command{
		Use: "create USERNAME --email ADDRESS", Short: "Create a user", Args: args(cobra.ExactArgs(1)),
		Long: `Creates a user. The password is prompted for on a terminal, or read from standard input. With
--invite the user has no password and receives an e-mail with a link to choose one. Users of an
external directory have their password there.`,
		Example: `  ostiary user create ada --email ada@example.org --role admin
  ostiary user create grace --email grace@example.org --group ops --invite
  ostiary user create alan --email alan@example.org --json < password-file`,
	}
	flags := c.Flags()
	flags.StringVar(&email, "email", "", "e-mail `address` (required)")
	flags.StringVar(&fullName, "full-name", "", "full `name`")
	flags.StringVar(&phone, "phone", "", "phone `number` in E.164 form, such as +420123456789")
	flags.StringVar(&role, "role", "", "`role` (default user)")
	flags.StringArrayVar(&groups, "group", nil, "`group` of the user; can be repeated")
	flags.StringVar(&directory, "directory", "", "`id` of the directory (default: the configured directory of new users)")
	flags.BoolVar(&invite, "invite", false, "send an e-mail with a link to choose a password")
	c.RunE = func(c *cobra.Command, given []string) (err error) {
		if email == "" {
			return usagef("--email is required")
		}
		if !invite && directory == "" {
			if password, err = a.readPassword("Password", true); err != nil {
				return err
			}
		}
		return a.callAPI(c.Context(), func(api *securityclient.Client) error {
			user, err := api.CreateUser(c.Context(), securityclient.CreateUserRequest{
				Username: given[0], Email: email, FullName: optional(fullName), PhoneNumber: optional(phone), Role: optional(role),
				Groups: groups, Directory: optional(directory), Password: optional(password),
			})
			return a.printResult(user, err, func() { a.printUser(user, 0) })
		})
	}
	return c
}

func (a *app) userListCommand() *cobra.Command {
	var search, role, group, status, sort, cursor string
	var limit int
	var all bool
	c := &cobra.Command{
		Use: "list", Short: "List users", Args: args(cobra.NoArgs),
		Example: "  ostiary user list --search ada\n  ostiary user list --role admin --all --json",
	}
	flags := c.Flags()
	flags.StringVar(&search, "search", "", "`text` in the username, e-mail address or full name")
	flags.StringVar(&role, "role", "", "list users with this `role`")
	flags.StringVar(&group, "group", "", "list members of this `group`")
	flags.StringVar(&status, "status", "", "list users with this `status`: active, inactive or pending")
	flags.StringVar(&sort, "sort", "username",
		"sort `key`: username, email, created_at or last_login; prefix - for descending order")
	flags.IntVar(&limit, "limit", 50, "page size, 1 to 100")
	flags.StringVar(&cursor, "cursor", "", "`cursor` of the next page: next_cursor of an earlier list")
	flags.BoolVar(&all, "all", false, "list all pages")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if limit < 1 || limit > 100 {
			return usagef("--limit must be from 1 to 100; use --all for all users")
		}
		query := securityclient.ListUsersParams{
			Search: optional(search), Role: optional(role), Group: optional(group), Cursor: optional(cursor), Limit: &limit,
			Status: optional(securityclient.ListUsersParamsStatus(status)),
			Sort:   optional(securityclient.ListUsersParamsSort(sort)),
		}
		return a.callAPI(c.Context(), func(api *securityclient.Client) error {
			page, err := api.ListUsers(c.Context(), query)
			for err == nil && all && page.NextCursor != nil {
				var next securityclient.UserList
				query.Cursor = page.NextCursor
				next, err = api.ListUsers(c.Context(), query)
				page.Users, page.NextCursor = append(page.Users, next.Users...), next.NextCursor
			}
			return a.printResult(page, err, func() { a.printUsers(page) })
		})
	}
	return c
}

func (a *app) userShowCommand() *cobra.Command {
	return a.onUser("show NAME", "Show a user", "",
		func(context.Context, *securityclient.Client, string) error { return nil })
}

func (a *app) userUnlockCommand() *cobra.Command {
	return a.onUser("unlock NAME", "Unlock a user",
		"Resets the failed attempts of the password and of the second factor, from all sources.",
		func(ctx context.Context, api *securityclient.Client, id string) error {
			_, err := api.UnlockUser(ctx, id)
			return err
		})
}

func (a *app) userUnlinkCommand() *cobra.Command {
	return a.onUser("unlink NAME", "Unlink a user from their OpenID provider",
		`Moves a user of an OpenID provider, or of a directory that is no longer configured, to the built-in
directory. The user then has no password: use "ostiary user password reset". All sessions and
pending tokens end. If the provider is marked trusted, the next sign-in with the same verified
address links the user again.`, func(ctx context.Context, api *securityclient.Client, id string) error {
			of, err := api.ListIdentities(ctx, id)
			if err != nil {
				return err
			}
			_, err = api.UnlinkIdentity(ctx, id, of.Identities[0].IdentityID)
			return err
		})
}

func (a *app) userDeactivateCommand() *cobra.Command {
	return a.onUser("deactivate NAME", "Deactivate a user",
		"Deactivates a user and ends all sessions, API keys and pending tokens immediately.",
		func(ctx context.Context, api *securityclient.Client, id string) error {
			_, err := api.DeleteUser(ctx, id, securityclient.DeleteUserParams{})
			return err
		})
}

func (a *app) printUsers(page securityclient.UserList) {
	var rows [][]string
	for _, u := range page.Users {
		rows = append(rows, []string{
			u.Username, u.Email, u.Role, string(u.Status), u.Directory, dateOr(u.LastLogin, "never"),
			u.UserID,
		})
	}
	a.table([]string{"USERNAME", "E-MAIL", "ROLE", "STATUS", "DIRECTORY", "LAST LOGIN", "ID"}, rows)
	if page.NextCursor != nil {
		about := mark(valueOf(page.TotalEstimated), "about ")
		a.printf(a.err, "%d of %s%d users; use --all to list all.\n", len(page.Users), about, page.Total)
	}
}

func (a *app) printUser(u securityclient.User, sessions int) {
	a.fields([][2]string{
		{"Username", u.Username},
		{"ID", u.UserID},
		{"E-mail", u.Email},
		{"Full name", u.FullName},
		{"Phone", valueOf(u.PhoneNumber)},
		{"Role", u.Role},
		{"Groups", strings.Join(u.Groups, ", ")},
		{"Status", string(u.Status)},
		{"Directory", u.Directory},
		{"Second factor", mark(u.TwoFactorEnabled, "on") + mark(!u.TwoFactorEnabled, "off")},
		{"Sessions", strconv.Itoa(sessions)},
		{"Created", u.CreatedAt.Format(time.RFC3339)},
		{"Last login", dateOr(u.LastLogin, "never")},
	})
}
