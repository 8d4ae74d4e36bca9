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

// app is one run of the program: where it reads and writes, and the flags that every command takes.
type app struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
	terminal bool // in is one: passwords are asked for and not echoed

	lines *bufio.Reader // of in, once something was read

	configFile string
	dataDir    string
	json       bool
}

const rootHelp = `Ostiary keeps users, signs them in and says what they may do.

  ostiary serve                        start the service
  ostiary user create ada --role admin make a user
  ostiary config check                 find all mistakes in the configuration

The configuration is a YAML file (--config, OSTIARY_CONFIG, or ./ostiary.yaml if it is there) and the environment, which
wins: storage.mongodb.uri is OSTIARY_STORAGE_MONGODB_URI. Without any, the service runs on this machine alone.

Commands that change something work beside a running server, and without one.

Exit codes:
  0  done
  1  failed for a reason that is ours
  2  the command line is wrong
  3  the configuration is wrong
  4  what was named is not there
  5  refused by a rule, or in conflict with what is there
  6  something that is needed does not answer; trying again may help`

func (a *app) root() *cobra.Command {
	root := group("ostiary", "A self-hosted user security service", rootHelp)
	root.SilenceErrors, root.SilenceUsage = true, true
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return flagUsage(err) })
	root.Version = thisVersion().Version // in cobra's words: a template of our own would link text/template, and with it 6 MB
	root.SetHelpCommand(helpCommand())
	flags := root.PersistentFlags()
	flags.StringVarP(&a.configFile, "config", "c", "", "configuration `file` (default ./ostiary.yaml if it is there)")
	flags.StringVar(&a.dataDir, "data-dir", "", "`folder` of the database and keys (default ./ostiary-data)")
	flags.BoolVar(&a.json, "json", false, "print JSON for programs")
	root.AddCommand(a.serveCommand(), a.userCommand(), a.roleCommand(), a.keyCommand(), a.directoryCommand(), a.tptCommand(),
		a.importCommand(), a.auditCommand(), a.configCommand(), a.storageCommand(), a.healthCommand(), a.versionCommand())
	addExamples(root)
	return root
}

// run does one command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root() //nolint:contextcheck // commands get it from ExecuteContext
	root.SetArgs(args)
	command, err := root.ExecuteContextC(ctx)
	if err == nil {
		return codeDone
	}
	a.printError(err)
	var wrong usageError
	if errors.As(err, &wrong) && !a.json {
		a.printf(a.err, "Run '%s --help' for how it is used.\n", command.CommandPath())
	}
	return codeOf(err)
}

// load reads the configuration with the flags over it.
func (a *app) load() (config.Config, error) {
	return config.Load(a.sources())
}

func (a *app) sources() config.Sources {
	flags := map[string]string{}
	if a.dataDir != "" {
		flags["data_dir"] = a.dataDir
	}
	return config.Sources{File: a.configFile, Environ: a.environ, Flags: flags}
}

// whole loads the configuration for what needs all of it, the files that it names and the settings of its directories too, and
// returns every mistake at once.
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

// group returns a command that only holds others.
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
