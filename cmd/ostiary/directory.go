package main

import (
	"errors"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

// errCheckFailed is a check in which a step did not work; the steps have said what.
var errCheckFailed = errors.New("the directory is not ready: see the advice above")

func (a *app) directoryCommand() *cobra.Command {
	return group("directory", "Look at directories, try them and synchronize them", `An ID is the id of a directory in the configuration.

  ostiary directory check corp --user alice
  ostiary directory login corp alice
  ostiary directory plan corp`,
		a.directoryListCommand(), a.directoryCheckCommand(), a.directoryLoginCommand(), a.directoryPlanCommand(), a.directoryApplyCommand())
}

func (a *app) directoryListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the configured directories with what they can do", Args: args(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return a.operate(c.Context(), func(on operator.Caller) error {
				all, err := operator.DirectoryList.Call(c.Context(), on, struct{}{}, nil)
				if err != nil {
					return err
				}
				return a.print(all, func() {
					var rows [][]string
					for _, d := range all {
						rows = append(rows, []string{d.ID, d.Type, strings.Join(d.Abilities, " ")})
					}
					a.table([]string{"ID", "TYPE", "CAN"}, rows)
				})
			})
		},
	}
}

func (a *app) directoryCheckCommand() *cobra.Command {
	var in operator.DirectoryQuestion
	c := &cobra.Command{
		Use: "check ID", Short: "Try everything that a directory needs, and say how to mend what fails", Args: args(cobra.ExactArgs(1)),
		Long: `Tries the directory step by step: connection and certificate, service account, base, people, password policy, and when it locks
accounts compared with when we do. With --user it shows what that person would be here. Of an OpenID provider it tries metadata, keys,
algorithms, clock, and the client's secret, and prints the addresses to register there. Nothing is changed.`,
	}
	c.Flags().StringVarP(&in.Sample, "user", "u", "", "login `name` of a person to look at")
	c.RunE = func(c *cobra.Command, given []string) error {
		in.ID = given[0]
		return a.operate(c.Context(), func(on operator.Caller) error {
			steps, err := operator.DirectoryCheck.Call(c.Context(), on, in, nil)
			if err != nil {
				return err
			}
			return errors.Join(a.print(steps, func() { a.printSteps(steps) }), failedStep(steps))
		})
	}
	return c
}

func (a *app) printSteps(steps []operator.DirectoryStep) {
	for _, s := range steps {
		word := "ok  "
		if !s.OK {
			word = "FAIL"
		}
		a.printf(a.out, "%s  %s: %s\n", word, printable(s.Name), printable(s.Detail))
		if s.Advice != "" {
			a.printf(a.out, "      %s\n", printable(s.Advice))
		}
	}
}

func failedStep(steps []operator.DirectoryStep) error {
	for _, s := range steps {
		if !s.OK {
			return errCheckFailed
		}
	}
	return nil
}

func (a *app) directoryLoginCommand() *cobra.Command {
	return &cobra.Command{
		Use: "login ID NAME", Short: "Try one login and explain the outcome", Args: args(cobra.ExactArgs(2)),
		Long: `Checks a password in the directory and explains what it says. The password is asked for on a terminal, and else read from standard
input. Nobody is signed in; a wrong password counts in the directory as any other.`,
		RunE: func(c *cobra.Command, given []string) error {
			password, err := a.readPassword("Password", false)
			if err != nil {
				return err
			}
			return a.operate(c.Context(), func(on operator.Caller) error {
				step, err := operator.DirectoryLogin.Call(c.Context(), on, operator.DirectoryPassword{ID: given[0], Name: given[1], Password: password}, nil)
				if err != nil {
					return err
				}
				steps := []operator.DirectoryStep{step}
				return a.print(step, func() { a.printSteps(steps) })
			})
		},
	}
}

func (a *app) directoryPlanCommand() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "plan ID", Short: "Show what a synchronization would change", Args: args(cobra.ExactArgs(1)),
		Long: `Looks at everybody in the directory and shows who would be created, changed, disabled or enabled again here, with a digest that names exactly
these changes. Nothing is changed; apply does it.`,
	}
	c.Flags().BoolVar(&all, "all", false, "show every step, not the first hundred alone")
	c.RunE = func(c *cobra.Command, given []string) error {
		in := operator.DirectoryPlanInput{ID: given[0], Steps: 100}
		if all {
			in.Steps = 0
		}
		return a.operate(c.Context(), func(on operator.Caller) error {
			bar := a.newBar("looking at people")
			plan, err := operator.DirectoryPlan.Call(c.Context(), on, in, bar.report)
			bar.end()
			if err != nil {
				return err
			}
			return a.print(plan, func() { a.printPlan(plan) })
		})
	}
	return c
}

// stepNote says what a step changes, and why.
func stepNote(fields []string, reason string) string {
	if len(fields) > 0 && reason != "" {
		return strings.Join(fields, ", ") + " (" + reason + ")"
	}
	return strings.Join(fields, ", ") + reason
}

func (a *app) printPlan(plan operator.DirectoryPlanAnswer) {
	var rows [][]string
	for _, s := range plan.Steps {
		rows = append(rows, []string{string(s.Kind), s.Username, stepNote(s.Fields, s.Reason)})
	}
	if len(rows) > 0 {
		a.table([]string{"STEP", "USER", ""}, rows)
	}
	if rest := plan.Create + plan.Update + plan.Disable + plan.Enable + plan.Skip - len(plan.Steps); rest > 0 {
		a.printf(a.out, "… and %d more (--all)\n", rest)
	}
	a.printf(a.out, "%d people in %s: %d to create, %d to change, %d to disable, %d to enable again, %d left out.\n", plan.Listed, plan.Directory,
		plan.Create, plan.Update, plan.Disable, plan.Enable, plan.Skip)
	switch {
	case plan.Brake != "":
		a.printf(a.out, "This stops at the brake: %s.\nIf it is meant: ostiary directory apply %s --plan %s --force\n", plan.Brake, plan.Directory, plan.Digest)
	case plan.Create+plan.Update+plan.Disable+plan.Enable > 0:
		a.printf(a.out, "To do it: ostiary directory apply %s --plan %s\n", plan.Directory, plan.Digest)
	default:
		a.printf(a.out, "There is nothing to do.\n")
	}
}

func (a *app) directoryApplyCommand() *cobra.Command {
	var in operator.DirectoryApplication
	c := &cobra.Command{
		Use: "apply ID --plan DIGEST", Short: "Do exactly what a plan says", Args: args(cobra.ExactArgs(1)),
		Long: `Makes the plan anew and does it if it still has the digest; else nothing is done. Users are created, changed, disabled and, whom a
synchronization has disabled, enabled again, never deleted. It stops when the directory lists nobody, answers in part, or when more users would be disabled than
directory_sync.max_disable_percent allows.`,
	}
	c.Flags().StringVar(&in.Digest, "plan", "", "`digest` of the plan, as directory plan prints it (required)")
	c.Flags().BoolVar(&in.Force, "force", false, "go on past the brake, after a look at the plan")
	c.RunE = func(c *cobra.Command, given []string) error {
		if in.Digest == "" {
			return usagef("--plan is missing: it is the digest that directory plan prints")
		}
		in.ID = given[0]
		return a.operate(c.Context(), func(on operator.Caller) error {
			bar := a.newBar("applying")
			result, err := operator.DirectoryApply.Call(c.Context(), on, in, bar.report)
			bar.end()
			if err != nil {
				return err
			}
			return a.print(result, func() {
				a.printf(a.out, "%d created, %d changed, %d disabled, %d enabled again, %d left out, %d failed.\n", result.Created, result.Updated,
					result.Disabled, result.Enabled, result.Skipped, result.Failed)
				for _, f := range result.Failures {
					a.printf(a.out, "  %s\n", printable(f))
				}
			})
		})
	}
	return c
}

// bar shows how far a long operation is, to people on a terminal.
type bar struct {
	of    *app
	title string
	bar   *progressbar.ProgressBar
}

func (a *app) newBar(title string) *bar { return &bar{of: a, title: title} }

func (b *bar) report(p operator.Progress) {
	if !b.of.terminal || b.of.json {
		return
	}
	if b.bar == nil {
		total := p.Total
		if total == 0 {
			total = -1
		}
		b.bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(b.of.err), progressbar.OptionSetDescription(b.title),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
	}
	_ = b.bar.Set64(p.Done) // a bar that cannot be drawn is no reason to stop
}

func (b *bar) end() {
	if b.bar != nil {
		_ = b.bar.Finish()
	}
}
