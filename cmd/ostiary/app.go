package main

import (
	"bufio"
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/modules/directories"
)

// app is one run of the program: its input and output, and the flags that every command takes.
type app struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	terminal bool // whether in is a terminal: passwords are prompted for and not echoed

	lines *bufio.Reader // buffers in; nil until the first read

	configFile string
	dataDir    string
	json       bool
	profile    string // replaces metrics.profile; empty for the configured value
}

const rootHelp = `Ostiary is a self-hosted identity and access management service: users, sign-in, sessions,
two-factor authentication, role-based access control, audit log and API keys.

  ostiary serve                        start the service
  ostiary user create ada --email ada@example.org --role admin
                                       create a user
  ostiary config check                 validate the configuration

The configuration is a YAML file (--config, OSTIARY_CONFIG, or ./ostiary.yaml if it exists) and
environment variables, which override it: storage.mongodb.uri is OSTIARY_STORAGE_MONGODB_URI. Without
configuration the service listens on loopback only.

Commands work with a running server, and without one.

Exit codes:
  0  success
  1  internal error
  2  usage error: wrong command, argument or flag
  3  invalid configuration
  4  not found: a user, a directory, a file
  5  refused by a rule, or a conflict with existing data
  6  a dependency is unavailable; a retry may succeed`

func (a *app) root() *cobra.Command {
	root := group("ostiary", "Self-hosted identity and access management", rootHelp)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagUsage(err) })
	// cobra prints the version without a template: a custom one would link text/template, which adds 6 MB.
	root.Version = thisVersion().Version
	root.SetHelpCommand(helpCommand())
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configFile, "config", "c", "", "configuration `file` (default ./ostiary.yaml if it exists)")
	flags.StringVar(&a.dataDir, "data-dir", "", "data `directory` with the database and keys (default ./ostiary-data)")
	flags.BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(a.serveCommand(), a.userCommand(), a.roleCommand(), a.keyCommand(), a.directoryCommand(),
		a.tptCommand(),
		a.importCommand(), a.auditCommand(), a.configCommand(), a.storageCommand(), a.healthCommand(), a.versionCommand())
	addExamples(root)
	return root
}

// run executes one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root() //nolint:contextcheck // commands get it from ExecuteContext
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return codeDone
	}
	p := a.problemOf(err)
	a.printProblem(p)
	if p.code == codeUsage && !a.json {
		a.printf(a.err, "Run '%s --help' for usage.\n", command.CommandPath())
	}
	return p.code
}

// load reads the configuration. Flags override it.
func (a *app) load() (config.Config, error) {
	return config.Load(a.sources())
}

func (a *app) sources() config.Sources {
	flags := map[string]string{}
	if a.dataDir != "" {
		flags["data_dir"] = a.dataDir
	}
	if a.profile != "" {
		flags["metrics.profile"] = a.profile
	}
	return config.Sources{File: a.configFile, Environ: a.environ, Flags: flags}
}

// whole loads the configuration, checks the files that it names and the settings of its directories, and returns all
// errors together.
func (a *app) whole(ctx context.Context) (config.Config, error) {
	c, err := a.load()
	mistakes, wrong := errors.AsType[config.Mistakes](err)
	if err != nil && !wrong {
		return c, err
	}
	mistakes = append(mistakes, c.CheckFiles()...)
	if len(mistakes) == 0 {
		return c, nil
	}
	return c, append(mistakes, directories.Check(ctx, c)...)
}

// group returns a command that only contains subcommands.
func group(name, short, long string, commands ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: name, Short: short, Long: long,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(c, args[0])
			}
			return nil
		},
		RunE:                       func(c *cobra.Command, _ []string) error { return c.Help() },
		SuggestionsMinimumDistance: 2,
	}
	c.AddCommand(commands...)
	return c
}
