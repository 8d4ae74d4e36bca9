package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
	"github.com/ostiary/ostiary/modules/transfer"
)

func (a *app) storageCommand() *cobra.Command {
	return group("storage", "Move an installation to another store", "", a.storageCopyCommand())
}

func (a *app) storageCopyCommand() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use: "copy --from STORE --to STORE", Short: "Copy everything from one store to another",
		Long: `Copies users, sessions, keys, roles, groups, settings, failed attempts, waiting messages, used-up limits, single-use things, the
answers that are kept for repeated requests, and the audit log with its seals into an empty store, compares the counts and proves
the audit log there. Stop every server first. A copy that was broken off goes
on when the same command runs again.

A store is sqlite:FOLDER or mongodb://HOSTS/DATABASE; sqlite and mongodb alone are those of the configuration, so that no password
has to stand on the command line. Both need the same key-encryption key: for MongoDB set keyring.key_file to the ostiary.key of the
embedded store's folder.

What has run out stays behind. Nobody is signed out, mailed links go on working, and who was at a provider meanwhile comes back to a
sign-in that goes on.`,
		Example: "  ostiary storage copy --from sqlite:./ostiary-data --to mongodb\n  ostiary storage copy --from mongodb --to sqlite:/var/lib/ostiary",
		Args:    args(cobra.NoArgs),
	}
	c.Flags().StringVar(&from, "from", "", "`store` to read")
	c.Flags().StringVar(&to, "to", "", "empty `store` to write")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if from == "" || to == "" || from == to {
			return usagef("--from and --to must name two stores")
		}
		configuration, err := a.load()
		if err != nil {
			return err
		}
		shown := &copyBar{of: a}
		report, err := transfer.Copy(cmd.Context(), configuration, from, to, shown.report)
		shown.end()
		if err != nil {
			return err
		}
		return a.print(report, func() { a.printCopy(report) })
	}
	return c
}

func (a *app) printCopy(report transfer.Report) {
	var rows [][]string
	for _, n := range report.Counts {
		rows = append(rows, []string{n.Kind, strconv.FormatInt(n.To, 10)})
	}
	a.table([]string{"Copied", ""}, rows)
	if report.AuditKey != "" {
		a.printf(a.out, "The audit log proves itself in the copy: %d sealed entries under the key %s.\n", report.AuditEntries, report.AuditKey)
	}
}

// copyBar is one bar after the other, for each kind of things.
type copyBar struct {
	of   *app
	kind string
	bar  *bar
}

func (b *copyBar) report(kind string, done, total int64) {
	if kind != b.kind {
		b.end()
		b.kind, b.bar = kind, b.of.newBar(kind)
	}
	b.bar.report(operator.Progress{Done: done, Total: total})
}

func (b *copyBar) end() {
	if b.bar != nil {
		b.bar.end()
	}
}
