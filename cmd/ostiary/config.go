package main

import (
	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "Check and show the configuration", "", a.configCheckCommand(), a.configShowCommand(), a.configKeysCommand())
}

type configCheckAnswer struct {
	OK       bool             `json:"ok"`
	Warnings []config.Mistake `json:"warnings"`
}

func (a *app) configCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Find all mistakes in the configuration",
		Long: `Reads the configuration as serve would and tells all that is wrong with it, each with its key and how to mend it. It starts
nothing and talks to nobody. Warnings are what is no mistake and still looks like one.`,
		Example: "  ostiary config check\n  ostiary config check --config /etc/ostiary.yaml --json",
		Args:    args(cobra.NoArgs),
		RunE: func(*cobra.Command, []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			warnings := append([]config.Mistake{}, c.Warnings()...)
			return a.print(configCheckAnswer{true, warnings}, func() {
				for _, w := range warnings {
					a.printf(a.out, "warning: %s\n", w)
				}
				a.printf(a.out, "The configuration is right.\n")
			})
		},
	}
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
