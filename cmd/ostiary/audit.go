package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
	"github.com/ostiary/ostiary/modules/localapi"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Verify the audit log and apply retention", "", a.auditVerifyCommand(), a.auditRetainCommand())
}

// errNotWhole reports a log whose verification failed; the printed report locates the damage.
var errNotWhole = errors.New("the audit log has been altered")

func (a *app) auditVerifyCommand() *cobra.Command {
	var key, checkpoints string
	var store bool
	c := &cobra.Command{
		Use: "verify FILE | --store", Short: "Verify that an export, or the log in the store, is complete and unaltered",
		Long: `Verifies an export of POST /audit/export or the file of audit.checkpoint.file offline, or the log in
the store with --store. Reports the first entry that was changed, removed, added, copied or moved,
and exits with 1. A CSV export contains a proof only if it was requested ("proof": true); a file
without a proof also exits with 1.

An attacker who can write the store could write a new log with a new key. Therefore keep two things
elsewhere: the key id that this command prints, for --key, and the file of audit.checkpoint.file,
for --checkpoints. Without --checkpoints the log of the store is compared with the last checkpoint
in the configured file.`,
		Example: "  ostiary audit verify audit.ndjson --key 3q2-7w\n" +
			"  ostiary audit verify --store --checkpoints /mnt/worm/checkpoints",
		Args: args(cobra.MaximumNArgs(1)),
	}
	c.Flags().StringVar(&key, "key", "", "`id` of the key, or verifier key, that must have signed the log")
	c.Flags().StringVar(&checkpoints, "checkpoints", "", "`file` of checkpoints that the log must contain")
	c.Flags().BoolVar(&store, "store", false, "verify the log in the store")
	c.RunE = func(cmd *cobra.Command, given []string) error {
		if store == (len(given) == 1) {
			return usagef("give either a file or --store")
		}
		trust, err := a.trustOf(key, checkpoints, store)
		if err != nil {
			return err
		}
		report, err := a.verify(cmd.Context(), given, trust)
		if err != nil {
			return err
		}
		err = a.print(report, func() { a.printAudit(report) })
		if err == nil && report.Damage != nil {
			return errNotWhole
		}
		return err
	}
	return c
}

func (a *app) auditRetainCommand() *cobra.Command {
	var keep int
	c := &cobra.Command{
		Use: "retain --days N", Short: "Remove the oldest entries of the audit log (retention)",
		Long: `Removes the entries that are older than the given number of days, in whole segments as they were
sealed. The checkpoint of the last removed segment is kept, so that the remaining log can still be
verified. This does not run automatically: use a timer if you have a retention policy. Export the
entries first if they must be archived (POST /audit/export). The removal writes an entry of its own. If
it is interrupted, the service continues it within a minute.`,
		Example: "  ostiary audit retain --days 730",
		Args:    args(cobra.NoArgs),
	}
	c.Flags().IntVar(&keep, "days", 0, "number of `days` to keep, at least 1")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if keep < 1 {
			return usagef("--days must be at least 1")
		}
		var cut securityclient.AuditCut
		err := a.callAPI(cmd.Context(), func(api *securityclient.Client) (err error) {
			before := time.Now().Add(-time.Duration(keep) * 24 * time.Hour)
			bar := a.newBar("removing")
			cut, err = api.WithLines(bar.line).RetainAuditLog(cmd.Context(), securityclient.RetainAuditRequest{Before: before})
			bar.end()
			return err
		})
		return a.printResult(cut, err, func() {
			if cut.Segment == 0 {
				a.printf(a.out, "No entries are older than %d days.\n", keep)
				return
			}
			a.printf(a.out, "Removed the entries up to position %d. The log begins after the checkpoint of segment %d.\n",
				cut.Last, cut.Segment)
		})
	}
	return c
}

// trustOf reads the checkpoints. Without a file of checkpoints, the log of the store must contain the last one that the
// service published.
func (a *app) trustOf(key, checkpoints string, store bool) (securityclient.VerifyAuditRequest, error) {
	trust := securityclient.VerifyAuditRequest{Key: optional(key)}
	if checkpoints == "" && store {
		c, err := a.load()
		if err == nil {
			trust.Checkpoints, err = localapi.LastCheckpoint(c.Audit.Checkpoint.File)
		}
		return trust, err
	}
	if checkpoints == "" {
		return trust, nil
	}
	file, err := os.Open(checkpoints) //nolint:gosec // the path is an argument of the operator
	if err != nil {
		return trust, fileError{err}
	}
	trust.Checkpoints, err = localapi.ReadCheckpoints(file)
	return trust, errors.Join(err, file.Close())
}

func (a *app) verify(
	ctx context.Context, given []string, trust securityclient.VerifyAuditRequest,
) (report securityclient.AuditReport, err error) {
	if len(given) == 0 {
		err = a.callAPI(ctx, func(api *securityclient.Client) error {
			report, err = verifyStore(ctx, api, trust)
			return err
		})
		return report, err
	}
	file, err := os.Open(given[0])
	if err != nil {
		return report, fileError{err}
	}
	info, err := file.Stat()
	if err == nil {
		var raw []byte
		raw, err = localapi.VerifyExport(file, info.Size(), valueOf(trust.Key), trust.Checkpoints)
		if err == nil {
			err = json.Unmarshal(raw, &report)
		}
	}
	return report, errors.Join(err, file.Close())
}

// verifyStore verifies the log of the store, once for every thousand checkpoints.
func verifyStore(
	ctx context.Context, api *securityclient.Client, trust securityclient.VerifyAuditRequest,
) (report securityclient.AuditReport, err error) {
	rest := trust.Checkpoints
	for {
		n := min(len(rest), 1000)
		trust.Checkpoints, rest = rest[:n], rest[n:]
		report, err = api.VerifyAuditLog(ctx, trust)
		if err != nil || report.Damage != nil || len(rest) == 0 {
			return report, err
		}
	}
}

func (a *app) printAudit(r securityclient.AuditReport) {
	if r.Damage != nil {
		a.printf(a.out, "%s\n", printable(r.Damage.Sentence))
		return
	}
	a.printf(a.out, "Complete and unaltered: %d entries in %d segments, positions %d to %d.\n",
		r.Entries, r.Segments, r.First, r.Last)
	a.fields([][2]string{
		{"Signed by", r.Key},
		{"Verifier key", valueOf(r.VerifierKey)},
		{"Complete", mark(r.Complete, "yes") + mark(!r.Complete, "no: the file contains a selection of the entries")},
		{"Erased", countOf(r.Erased, "entries had personal data erased")},
		{"Unsealed", countOf(r.Unsealed, "entries are not sealed yet")},
	})
}

func countOf(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(strconv.FormatInt(n, 10), " ", what)
}
