package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/operator"
	"github.com/ostiary/ostiary/modules/product"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "Validate and print the configuration", "",
		a.configCheckCommand(), a.configShowCommand(), a.configKeysCommand())
}

type configCheckAnswer struct {
	OK       bool             `json:"ok"`
	Warnings []config.Mistake `json:"warnings"`
	// Lockout is the policy that the lockouts of the directories were compared with; nil if none was compared.
	Lockout *operator.LockoutPolicy `json:"lockout,omitempty"`
	// Names are the names that collide in the store; nil if the store was not queried.
	Names *operator.StoredNames `json:"names,omitempty"`
}

func (a *app) configCheckCommand() *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use: "check", Short: "Validate the configuration",
		Long: `Reads the configuration as serve does and reports all errors, each with its key and how to fix it.
Warnings are valid settings that are probably a mistake.

External directories are queried for their lockout policy: the service must lock an account before
the directory does, or an attacker could lock users out of their directory through the service. The
service's policy is read from the stored settings if possible, else the default is used; the output
says which.

If the store exists, colliding names that were created before collisions were refused are listed: a
username that is another user's e-mail address (sign-in resolves it to the user with that username),
and groups whose names differ only in case or spaces. Nothing is started or changed.`,
		Example: "  ostiary config check\n  ostiary config check --config /etc/ostiary.yaml --offline --json",
		Args:    args(cobra.NoArgs),
	}
	c.Flags().BoolVar(&offline, "offline", false, "do not connect to directories or the store")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		configuration, err := a.whole(cmd.Context())
		if err != nil {
			return err
		}
		answer := configCheckAnswer{
			OK: true, Warnings: slices.Concat([]config.Mistake{}, configuration.Warnings(), configuration.FileWarnings()),
		}
		err = onDirectories(cmd.Context(), configuration, func(on operator.Caller) error {
			if offline {
				return nil // opening the directories was the check
			}
			compareNames(cmd.Context(), configuration, &answer)
			return compareLockouts(cmd.Context(), configuration, on, &answer)
		})
		if err != nil {
			return err
		}
		answer.Warnings = config.Locate(a.sources(), answer.Warnings)
		return a.print(answer, func() {
			for _, w := range answer.Warnings {
				a.printf(a.out, "warning: %s\n", printable(w.String()))
			}
			a.printLockout(answer.Lockout)
			if answer.Names != nil && answer.Names.Problem != "" {
				a.printf(a.out, "The stored names could not be checked (%s).\n", printable(answer.Names.Problem))
			}
			a.printf(a.out, "The configuration is valid.\n")
		})
	}
	return c
}

// compareLockouts compares the lockout policies of the directories with the service's own and adds warnings.
func compareLockouts(ctx context.Context, c config.Config, on operator.Caller, answer *configCheckAnswer) error {
	lockouts, err := operator.DirectoryLockouts.Call(ctx, on, struct{}{}, nil)
	if err != nil || len(lockouts) == 0 {
		return err
	}
	ours := operator.ReadLockout(ctx, c)
	answer.Lockout = &ours
	for _, d := range lockouts {
		if problem := lockoutProblem(d, ours); problem != "" {
			answer.Warnings = append(answer.Warnings, config.Mistake{Key: "directories." + d.ID, Problem: problem})
		}
	}
	return nil
}

// compareNames adds a warning for each name that collides in the store.
func compareNames(ctx context.Context, c config.Config, answer *configCheckAnswer) {
	names := operator.ReadNames(ctx, c)
	answer.Names = &names
	for _, n := range names.Collisions {
		answer.Warnings = append(answer.Warnings, collisionWarning(n))
	}
}

func collisionWarning(n operator.Collision) config.Mistake {
	if n.Kind == operator.CollisionGroup {
		return config.Mistake{Key: "storage", Problem: fmt.Sprintf("the groups %s have the same name %q except for case "+
			"and spaces: rename all but one", strings.Join(n.Holders, ", "), n.Name)}
	}
	return config.Mistake{Key: "storage", Problem: fmt.Sprintf("%q is the username of %s and the e-mail address of %s: "+
		"sign-in resolves it to the former; change the e-mail address of %s, or delete one of the two",
		n.Name, n.Holders[0], n.Holders[1], n.Holders[1])}
}

func lockoutProblem(d operator.DirectoryLockout, ours operator.LockoutPolicy) string {
	switch {
	case d.Problem != "":
		return "cannot read the lockout policy: " + d.Problem
	case d.Threshold > 0 && (ours.MaxAttempts >= d.Threshold || ours.AccountMaxAttempts >= d.Threshold):
		return fmt.Sprintf("the directory locks an account after %d wrong passwords, the service after %d from one source "+
			"and %d from all: set lockout_policy.max_attempts and lockout_policy.account_max_attempts in the security "+
			"settings below %d, or an attacker can lock users out of the directory through the service", d.Threshold, ours.MaxAttempts, ours.AccountMaxAttempts, d.Threshold)
	}
	return ""
}

// printLockout prints the policy that the lockouts of the directories were compared with.
func (a *app) printLockout(ours *operator.LockoutPolicy) {
	switch {
	case ours == nil:
	case ours.Stored:
		a.printf(a.out, "Compared the lockout policies of the directories with the stored settings.\n")
	case ours.Problem != "":
		a.printf(a.out, "Compared the lockout policies of the directories with the default settings: "+
			"the stored settings cannot be read (%s).\n", printable(ours.Problem))
	default:
		a.printf(a.out, "Compared the lockout policies of the directories with the default settings: there is no store yet.\n")
	}
}

func (a *app) configShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Print the effective configuration with secrets masked",
		Example: "  ostiary config show\n  OSTIARY_LOG_LEVEL=debug ostiary config show --json",
		Args:    args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			text, err := c.YAML()
			if err != nil {
				return err
			}
			return a.print(c.Masked(), func() { a.printf(a.out, "%s", text) })
		},
	}
}

type configKeyAnswer struct {
	Key      string `json:"key"`
	Variable string `json:"variable,omitempty"`
	Secret   bool   `json:"secret"`
}

func (a *app) configKeysCommand() *cobra.Command {
	return &cobra.Command{
		Use: "keys", Short: "Print every configuration key with its environment variable", Args: args(cobra.NoArgs),
		Long: `Prints every key and the environment variable that sets it. A secret can also be read from a file,
named by <key>_file or <variable>_FILE. config/ostiary.example.yaml documents every key.`,
		RunE: func(*cobra.Command, []string) error {
			var answer []configKeyAnswer
			var rows [][]string
			for _, k := range config.Keys() {
				answer = append(answer, configKeyAnswer{k.Path, k.Env, k.Secret})
				rows = append(rows, []string{k.Path, k.Env, mark(k.Secret, "secret")})
			}
			return a.print(answer, func() { a.table([]string{"KEY", "VARIABLE", ""}, rows) })
		},
	}
}

// onDirectories opens the configured directories in this process, calls do and closes them.
func onDirectories(ctx context.Context, c config.Config, do func(on operator.Caller) error) error {
	session, err := operator.OpenDirectories(ctx, product.Directories(c))
	if err != nil {
		return err
	}
	return errors.Join(do(session), session.Close(context.WithoutCancel(ctx)))
}
