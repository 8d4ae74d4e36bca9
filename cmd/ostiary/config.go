package main

import (
	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
)

func (a *app) configCommand() *cobra.Command {
	return group("config", "Validate and print the configuration", "",
		a.configCheckCommand(), a.configShowCommand(), a.configKeysCommand())
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
			for _, k := range config.Keys() {
				answer = append(answer, configKeyAnswer{k.Path, k.Env, k.Secret})
			}
			return a.print(answer, func() {
				var rows [][]string
				for _, k := range answer {
					rows = append(rows, []string{k.Key, k.Variable, mark(k.Secret, "secret")})
				}
				a.table([]string{"KEY", "VARIABLE", ""}, rows)
			})
		},
	}
}
