package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/operator"
	"github.com/ostiary/ostiary/modules/product"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "Check and show the configuration", "", a.configCheckCommand(), a.configShowCommand(), a.configKeysCommand())
}

type configCheckAnswer struct {
	OK       bool             `json:"ok"`
	Warnings []config.Mistake `json:"warnings"`
}

func (a *app) configCheckCommand() *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use: "check", Short: "Find all mistakes in the configuration",
		Long: `Reads the configuration as serve would and tells all that is wrong with it, each with its key and how to mend it. Warnings are
what is no mistake and still looks like one. Outside directories are asked when they lock accounts: ours should lock first, or
anybody could lock people out of their company through us. Nothing is started or changed.`,
		Example: "  ostiary config check\n  ostiary config check --config /etc/ostiary.yaml --offline --json",
		Args:    args(cobra.NoArgs),
	}
	c.Flags().BoolVar(&offline, "offline", false, "ask no directory")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		configuration, err := a.load()
		if err != nil {
			return err
		}
		answer := configCheckAnswer{OK: true, Warnings: append([]config.Mistake{}, configuration.Warnings()...)}
		err = onDirectories(cmd.Context(), configuration, func(on operator.Caller) error {
			if offline {
				return nil // that they open is what was to be seen
			}
			more, err := lockoutWarnings(cmd.Context(), on)
			answer.Warnings = append(answer.Warnings, more...)
			return err
		})
		if err != nil {
			return err
		}
		return a.print(answer, func() {
			for _, w := range answer.Warnings {
				a.printf(a.out, "warning: %s\n", printable(w.String()))
			}
			a.printf(a.out, "The configuration is right.\n")
		})
	}
	return c
}

// lockoutWarnings compares when directories lock accounts with when we do. A changed setting of ours is not seen here: the
// check works without a store.
func lockoutWarnings(ctx context.Context, on operator.Caller) ([]config.Mistake, error) {
	told, err := operator.DirectoryLockouts.Call(ctx, on, struct{}{}, nil)
	if err != nil {
		return nil, err
	}
	var warnings []config.Mistake
	for _, d := range told {
		key := "directories." + d.ID
		switch {
		case d.Problem != "":
			warnings = append(warnings, config.Mistake{Key: key, Problem: "could not be asked when it locks accounts: " + d.Problem})
		case d.Threshold > 0 && d.Threshold <= operator.DefaultMaxAttempts:
			warnings = append(warnings, config.Mistake{Key: key, Problem: fmt.Sprintf(
				"locks an account after %d wrong passwords, and we by default after %d: set lockout.max_attempts in the security settings "+
					"below %d, or anybody can lock people out of the directory through us", d.Threshold, operator.DefaultMaxAttempts, d.Threshold)})
		}
	}
	return warnings, nil
}

func (a *app) configShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show", Short: "Print the configuration that is in force, with secrets masked",
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
		Use: "keys", Short: "Print every key with its variable", Args: args(cobra.NoArgs),
		Long: `Prints every key and the variable that sets it. A secret can also be read from a file, which <key>_file or <variable>_FILE
names. What each key means stands in config/ostiary.example.yaml.`,
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

// onDirectories opens the configured directories in this process and does something with them.
func onDirectories(ctx context.Context, c config.Config, do func(on operator.Caller) error) error {
	session, err := operator.OpenDirectories(ctx, product.Directories(c))
	if err != nil {
		return err
	}
	return errors.Join(do(session), session.Close(context.WithoutCancel(ctx)))
}
