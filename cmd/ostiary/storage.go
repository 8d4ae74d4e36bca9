package main

import (
	"strconv"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
	"github.com/ostiary/ostiary/modules/storage"
)

func (a *app) storageCommand() *cobra.Command {
	return group("storage", "Migrate between stores and versions", "", a.storageCopyCommand(), a.storageCacheCommand())
}

func (a *app) storageCacheCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "enable-cache", Short: "Let the nodes of an upgraded MongoDB database verify from memory",
		Long: `Lets the nodes of a MongoDB database answer verifications from memory while they hold a lease, for
good. It is needed once, after an upgrade from a version without this cache: stop the last node of
that version first, since it does not wait for the other nodes after a revocation. Such a version
refuses the database from then on. A new database has the cache enabled, and the embedded store
needs none.`,
		Example: "  ostiary storage enable-cache",
		Args:    args(cobra.NoArgs),
	}
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		var enabled securityclient.VerifyCache
		err := a.callAPI(cmd.Context(), func(api *securityclient.Client) (err error) {
			enabled, err = api.EnableVerifyCache(cmd.Context())
			return err
		})
		return a.printResult(enabled, err, func() {
			if enabled.Changed {
				a.printf(a.out, "The nodes verify from memory. Versions without this cache refuse the database now.\n")
				return
			}
			a.printf(a.out, "Nothing to change: the cache is enabled, or the store is the embedded one.\n")
		})
	}
	return c
}

func (a *app) storageCopyCommand() *cobra.Command {
	var from, to string
	c := &cobra.Command{
		Use: "copy --from STORE --to STORE", Short: "Copy all data from one store to another",
		Long: `Copies users, sessions, keys, roles, groups, settings, failed attempts, queued messages, rate limit
counters, single-use tokens, stored responses of idempotent requests, and the audit log with its
seals into an empty store. Then compares the counts and verifies the audit log in the copy. Stop
every server first. An interrupted copy continues when the same command is run again.

A store is sqlite:DIRECTORY or mongodb://HOSTS/DATABASE; sqlite and mongodb alone select the
configured store, so that no password appears on the command line. Both stores need the same
key-encryption key: for MongoDB set keyring.key_file to the ostiary.key of the embedded store's
directory.

Expired data is not copied. Users stay signed in, links in sent e-mails stay valid, and sign-ins in
progress at a provider can be completed.`,
		Example: "  ostiary storage copy --from sqlite:./ostiary-data --to mongodb\n" +
			"  ostiary storage copy --from mongodb --to sqlite:/var/lib/ostiary",
		Args: args(cobra.NoArgs),
	}
	c.Flags().StringVar(&from, "from", "", "source `store`")
	c.Flags().StringVar(&to, "to", "", "empty target `store`")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if from == "" || to == "" || from == to {
			return usagef("--from and --to must be two different stores")
		}
		configuration, err := a.load()
		if err != nil {
			return err
		}
		progress := a.newBar("")
		report, err := storage.Copy(cmd.Context(), configuration, from, to, progress.report)
		progress.end()
		return a.printResult(report, err, func() { a.printCopy(report) })
	}
	return c
}

func (a *app) printCopy(report storage.Report) {
	var rows [][]string
	for _, n := range report.Counts {
		rows = append(rows, []string{n.Kind, strconv.FormatInt(n.To, 10)})
	}
	a.table([]string{"Copied", ""}, rows)
	if report.AuditKey != "" {
		a.printf(a.out, "The audit log in the copy is verified: %d sealed entries, signed by the key %s.\n",
			report.AuditEntries, report.AuditKey)
	}
}
