package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
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
	var in operator.NewUser
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
	flags.StringVar(&in.Email, "email", "", "e-mail `address` (required)")
	flags.StringVar(&in.FullName, "full-name", "", "full `name`")
	flags.StringVar(&in.PhoneNumber, "phone", "", "phone `number` in E.164 form, such as +420123456789")
	flags.StringVar(&in.Role, "role", "", "`role` (default user)")
	flags.StringArrayVar(&in.Groups, "group", nil, "`group` of the user; can be repeated")
	flags.StringVar(&in.Directory, "directory", "", "`id` of the directory (default: the configured directory of new users)")
	flags.BoolVar(&invite, "invite", false, "send an e-mail with a link to choose a password")
	c.RunE = func(c *cobra.Command, given []string) (err error) {
		if in.Email == "" {
			return usagef("--email is required")
		}
		in.Username = given[0]
		if !invite && in.Directory == "" {
			if in.Password, err = a.readPassword("Password", true); err != nil {
				return err
			}
		}
		return a.operate(c.Context(), func(on operator.Caller) error {
			user, err := operator.UserCreate.Call(c.Context(), on, in, nil)
			if err != nil {
				return err
			}
			return a.print(user, func() { a.printUser(user) })
		})
	}
	return c
}

func (a *app) userListCommand() *cobra.Command {
	var in operator.UserFilter
	var all bool
	c := &cobra.Command{
		Use: "list", Short: "List users", Args: args(cobra.NoArgs),
		Example: "  ostiary user list --search ada\n  ostiary user list --role admin --all --json",
	}
	flags := c.Flags()
	flags.StringVar(&in.Search, "search", "", "`text` in the username, e-mail address or full name")
	flags.StringVar(&in.Role, "role", "", "list users with this `role`")
	flags.StringVar(&in.Group, "group", "", "list members of this `group`")
	flags.StringVar(&in.Status, "status", "", "list users with this `status`: active, inactive or pending")
	flags.StringVar(&in.Sort, "sort", "username",
		"sort `key`: username, email, created_at or last_login; prefix - for descending order")
	flags.IntVar(&in.Limit, "limit", 50, "page size, 1 to 100")
	flags.StringVar(&in.Cursor, "cursor", "", "`cursor` of the next page: next_cursor of an earlier list")
	flags.BoolVar(&all, "all", false, "list all pages")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if in.Limit < 1 || in.Limit > 100 {
			return usagef("--limit must be from 1 to 100; use --all for all users")
		}
		return a.operate(c.Context(), func(on operator.Caller) error {
			page, err := operator.UserList.Call(c.Context(), on, in, nil)
			for err == nil && all && page.NextCursor != "" {
				var next operator.UserPage
				in.Cursor = page.NextCursor
				next, err = operator.UserList.Call(c.Context(), on, in, nil)
				page.Users, page.NextCursor = append(page.Users, next.Users...), next.NextCursor
			}
			if err != nil {
				return err
			}
			return a.print(page, func() { a.printUsers(page) })
		})
	}
	return c
}

func (a *app) userShowCommand() *cobra.Command {
	return a.onUser("show NAME", "Show a user", "", operator.UserShow.Call)
}

func (a *app) userUnlockCommand() *cobra.Command {
	return a.onUser("unlock NAME", "Unlock a user",
		"Resets the failed attempts of the password and of the second factor, from all sources.", operator.UserUnlock.Call)
}

func (a *app) userUnlinkCommand() *cobra.Command {
	return a.onUser("unlink NAME", "Unlink a user from their OpenID provider",
		`Moves a user of an OpenID provider, or of a directory that is no longer configured, to the built-in
directory. The user then has no password: use "ostiary user password reset". All sessions and
pending tokens end. If the provider is marked trusted, the next sign-in with the same verified
address links the user again.`, operator.UserUnlink.Call)
}

func (a *app) userDeactivateCommand() *cobra.Command {
	return a.onUser("deactivate NAME", "Deactivate a user",
		"Deactivates a user and ends all sessions, API keys and pending tokens immediately.", operator.UserDeactivate.Call)
}

func (a *app) printUsers(page operator.UserPage) {
	rows := make([][]string, 0, len(page.Users))
	for _, u := range page.Users {
		rows = append(rows, []string{u.Username, u.Email, u.Role, u.Status, u.Directory, lastLogin(u), u.ID})
	}
	a.table([]string{"USERNAME", "E-MAIL", "ROLE", "STATUS", "DIRECTORY", "LAST LOGIN", "ID"}, rows)
	if page.NextCursor != "" {
		about := mark(page.TotalEstimated, "about ")
		a.printf(a.err, "%d of %s%d users; use --all to list all.\n", len(page.Users), about, page.Total)
	}
}

func (a *app) printUser(u operator.User) {
	a.fields([][2]string{
		{"Username", u.Username},
		{"ID", u.ID},
		{"E-mail", u.Email},
		{"Full name", u.FullName},
		{"Phone", u.PhoneNumber},
		{"Role", u.Role},
		{"Groups", strings.Join(u.Groups, ", ")},
		{"Status", u.Status},
		{"Directory", u.Directory},
		{"Second factor", onOff(u.TwoFactor)},
		{"Sessions", strconv.Itoa(u.Sessions)},
		{"Created", u.CreatedAt.Format(time.RFC3339)},
		{"Last login", lastLogin(u)},
	})
}

func lastLogin(u operator.User) string {
	if u.LastLogin == nil {
		return "never"
	}
	return u.LastLogin.Format(time.RFC3339)
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// fields writes one line per name and value. It omits empty values.
func (a *app) fields(all [][2]string) {
	width := 0
	for _, f := range all {
		width = max(width, len(f[0]))
	}
	for _, f := range all {
		if f[1] != "" {
			a.printf(a.out, "%s\n", printable(fmt.Sprintf("%-*s   %s", width, f[0], f[1])))
		}
	}
}
