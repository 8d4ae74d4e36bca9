package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

// errCheckFailed reports a check in which a step failed; the printed steps say which.
var errCheckFailed = errors.New("the directory is not ready: see the advice above")

func (a *app) directoryCommand() *cobra.Command {
	return group("directory", "Check and synchronize directories", `An ID is the id of a directory in the configuration.

  ostiary directory check corp --user alice
  ostiary directory login corp alice
  ostiary directory plan corp`,
		a.directoryListCommand(), a.directoryCheckCommand(), a.directoryLoginCommand(), a.directoryPlanCommand(),
		a.directoryApplyCommand())
}

func (a *app) directoryListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the configured directories and their capabilities", Args: args(cobra.NoArgs),
		RunE: a.onAPI(func(ctx context.Context, api *securityclient.Client, _ []string) error {
			configured, err := api.ListDirectories(ctx)
			return a.printResult(configured.Directories, err, func() {
				var rows [][]string
				for _, d := range configured.Directories {
					rows = append(rows, []string{d.DirectoryID, d.Type, strings.Join(d.Abilities, " ")})
				}
				a.table([]string{"ID", "TYPE", "CAPABILITIES"}, rows)
			})
		}),
	}
}

func (a *app) directoryCheckCommand() *cobra.Command {
	var login string
	c := &cobra.Command{
		Use: "check ID", Short: "Check a directory step by step, with advice for each failure",
		Args: args(cobra.ExactArgs(1)),
		Long: `Checks an LDAP directory step by step: connection and certificate, service account, search base,
users, password policy, and its lockout policy compared with the service's. --user also prints the
attributes, groups and mapped role of one user. For an OpenID provider it checks metadata, keys,
algorithms, clock and client secret, and prints the URLs to register there. Nothing is changed.`,
	}
	c.Flags().StringVarP(&login, "user", "u", "", "login `name` of a user to look up")
	c.RunE = a.onAPI(func(ctx context.Context, api *securityclient.Client, given []string) error {
		done, err := api.CheckDirectory(ctx, given[0], securityclient.CheckDirectoryRequest{Login: optional(login)})
		if err != nil {
			return err
		}
		err = a.print(done.Steps, func() { a.printSteps(done.Steps) })
		if slices.ContainsFunc(done.Steps, func(s securityclient.DirectoryStep) bool { return !s.Ok }) {
			err = errors.Join(err, errCheckFailed)
		}
		return err
	})
	return c
}

func (a *app) printSteps(steps []securityclient.DirectoryStep) {
	for _, s := range steps {
		word := "ok  "
		if !s.Ok {
			word = "FAIL"
		}
		a.printf(a.out, "%s  %s: %s\n", word, printable(s.Name), printable(s.Detail))
		if s.Advice != nil {
			a.printf(a.out, "      %s\n", printable(*s.Advice))
		}
	}
}

func (a *app) directoryLoginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login ID NAME", Short: "Test one login and explain the result", Args: args(cobra.ExactArgs(2)),
		Long: `Verifies a password in the directory and explains the result. The password is prompted for on a
terminal, or read from standard input. No session is created; the directory counts a wrong password
as a failed attempt.`,
		RunE: func(c *cobra.Command, given []string) error {
			password, err := a.readPassword("Password", false)
			if err != nil {
				return err
			}
			return a.callAPI(c.Context(), func(api *securityclient.Client) error {
				in := securityclient.TestLoginRequest{Login: given[1], Password: password}
				step, err := api.TestDirectoryLogin(c.Context(), given[0], in)
				if err != nil {
					return err
				}
				steps := []securityclient.DirectoryStep{step}
				return a.print(step, func() { a.printSteps(steps) })
			})
		},
	}
}

func (a *app) directoryPlanCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "plan ID", Short: "Print what a synchronization would change", Args: args(cobra.ExactArgs(1)),
		Long: `Reads all users of the directory and prints which users would be created, updated, disabled or
enabled again, with a digest that identifies exactly these changes. Nothing is changed; apply
executes the plan.`,
	}
	c.Flags().BoolVar(&all, "all", false, "print every step, not only the first hundred")
	c.RunE = func(c *cobra.Command, given []string) error {
		in := securityclient.PlanSyncRequest{MaxSteps: new(100)}
		if all {
			in.MaxSteps = nil
		}
		return a.callAPI(c.Context(), func(api *securityclient.Client) error {
			bar := a.newBar("reading users")
			plan, err := api.WithLines(bar.line).PlanSync(c.Context(), given[0], in)
			bar.end()
			return a.printResult(plan, err, func() { a.printPlan(plan) })
		})
	}
	return c
}

// stepNote returns the changed fields of a step and its reason.
func stepNote(fields []string, reason string) string {
	if len(fields) > 0 && reason != "" {
		return strings.Join(fields, ", ") + " (" + reason + ")"
	}
	return strings.Join(fields, ", ") + reason
}

func (a *app) printPlan(plan securityclient.SyncPlan) {
	if len(plan.Steps) > 0 {
		var rows [][]string
		for _, s := range plan.Steps {
			rows = append(rows, []string{string(s.Kind), s.Username, stepNote(s.Fields, valueOf(s.Reason))})
		}
		a.table([]string{"STEP", "USER", ""}, rows)
	}
	if rest := plan.Create + plan.Update + plan.Disable + plan.Enable + plan.Skip - len(plan.Steps); rest > 0 {
		a.printf(a.out, "… and %d more (--all)\n", rest)
	}
	a.printf(a.out, "%d users in %s: %d to create, %d to update, %d to disable, %d to enable again, %d skipped.\n",
		plan.Listed, plan.Directory, plan.Create, plan.Update, plan.Disable, plan.Enable, plan.Skip)
	switch {
	case plan.SafetyLimit != nil:
		a.printf(a.out,
			"The safety limit stops this plan: %s.\nTo apply it anyway: ostiary directory apply %s --plan %s --force\n",
			*plan.SafetyLimit, plan.Directory, plan.Digest)
	case plan.Create+plan.Update+plan.Disable+plan.Enable > 0:
		a.printf(a.out, "To apply it: ostiary directory apply %s --plan %s\n", plan.Directory, plan.Digest)
	default:
		a.printf(a.out, "No changes.\n")
	}
}

func (a *app) directoryApplyCommand() *cobra.Command {
	var digest string
	var force bool
	c := &cobra.Command{
		Use: "apply ID --plan DIGEST", Short: "Apply a synchronization plan", Args: args(cobra.ExactArgs(1)),
		Long: `Recomputes the plan and applies it if its digest is the same; else nothing is changed. Users are
created, updated and disabled, and users that a synchronization has disabled are enabled again;
users are never deleted. It stops if the directory returns no users or a partial result, or if it
would disable more users than directory_sync.max_disable_percent and max_disable_users allow.`,
	}
	c.Flags().StringVar(&digest, "plan", "", "`digest` of the plan, printed by directory plan (required)")
	c.Flags().BoolVar(&force, "force", false, "override the safety limit, after a review of the plan")
	c.RunE = func(c *cobra.Command, given []string) error {
		if digest == "" {
			return usagef("--plan is required: the digest that directory plan prints")
		}
		return a.callAPI(c.Context(), func(api *securityclient.Client) error {
			bar := a.newBar("applying")
			in := securityclient.SyncRequest{Digest: digest, Force: optional(force)}
			result, err := api.WithLines(bar.line).ApplySync(c.Context(), given[0], in)
			bar.end()
			return a.printResult(result, err, func() {
				a.printf(a.out, "%d created, %d updated, %d disabled, %d enabled again, %d skipped, %d failed.\n",
					result.Created, result.Updated, result.Disabled, result.Enabled, result.Skipped, result.Failed)
				for _, f := range result.Failures {
					a.printf(a.out, "  %s\n", printable(f))
				}
			})
		})
	}
	return c
}
