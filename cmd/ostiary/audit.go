package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Prove and cut the audit log", "", a.auditVerifyCommand(), a.auditRetainCommand())
}

// errNotWhole is a log that does not prove itself; the report has said where.
var errNotWhole = errors.New("the audit log is not as it was written")

func (a *app) auditVerifyCommand() *cobra.Command {
	var key, checkpoints string
	var store bool
	c := &cobra.Command{
		Use: "verify FILE | --store", Short: "Prove that an export, or the store's own log, is whole and unaltered",
		Long: `Verifies an export of POST /audit/export or the file of audit.checkpoint.file offline, or with --store the log itself, and names
the first entry that was changed, removed, added, copied or moved; it exits with 1 then. An export of CSV has a proof only when
it was asked for ("proof": true); a file without proof exits with 1 too.

Who can write the store could write a new log with a new key. So keep what proves the old one elsewhere: the key's id, which this
command prints, for --key, and the file of audit.checkpoint.file for --checkpoints. Without that flag the log of the store is held to the last
checkpoint in the configured file.`,
		Example: "  ostiary audit verify audit.ndjson --key 3q2-7w\n  ostiary audit verify --store --checkpoints /mnt/worm/checkpoints",
		Args:    args(cobra.MaximumNArgs(1)),
	}
	c.Flags().StringVar(&key, "key", "", "`id` of the key that must have signed")
	c.Flags().StringVar(&checkpoints, "checkpoints", "", "`file` of checkpoints that must lie on the log")
	c.Flags().BoolVar(&store, "store", false, "prove the store's log")
	c.RunE = func(cmd *cobra.Command, given []string) error {
		if store == (len(given) == 1) {
			return usagef("name a file, or say --store")
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
		Use: "retain --days N", Short: "Remove the oldest part of the audit log",
		Long: `Removes the entries that are older than so many days, in whole segments as they were sealed together. The checkpoint of the
last one stays, so that what is left still proves itself. Nothing runs this by itself: put it into a timer if there is a duty
to forget. Export what has to be kept first (POST /audit/export). The removal leaves an entry of its own.`,
		Example: "  ostiary audit retain --days 730",
		Args:    args(cobra.NoArgs),
	}
	c.Flags().IntVar(&keep, "days", 0, "how many `days` to keep, at least 1")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		if keep < 1 {
			return usagef("--days must be at least 1")
		}
		var cut operator.AuditCut
		err := a.operate(cmd.Context(), func(on operator.Caller) (err error) {
			before := time.Now().Add(-time.Duration(keep) * 24 * time.Hour)
			cut, err = operator.AuditRetain.Call(cmd.Context(), on, operator.AuditCutInput{Before: before}, nil)
			return err
		})
		if err != nil {
			return err
		}
		return a.print(cut, func() {
			if cut.Segment == 0 {
				a.printf(a.out, "Nothing is older than %d days.\n", keep)
				return
			}
			a.printf(a.out, "Removed the entries up to place %d. The log begins after the checkpoint of segment %d.\n", cut.Last, cut.Segment)
		})
	}
	return c
}

// trustOf reads the checkpoints. Without a file of them the store's log must reach the last one that the service published.
func (a *app) trustOf(key, checkpoints string, store bool) (operator.AuditTrust, error) {
	trust := operator.AuditTrust{Key: key}
	if checkpoints == "" && store {
		c, err := a.load()
		if err == nil {
			trust.Checkpoints, err = operator.LastCheckpoint(c.Audit.Checkpoint.File)
		}
		return trust, err
	}
	if checkpoints == "" {
		return trust, nil
	}
	file, err := os.Open(checkpoints) //nolint:gosec // the operator names it
	if err != nil {
		return trust, fileError{err}
	}
	trust.Checkpoints, err = operator.ReadCheckpoints(file)
	return trust, errors.Join(err, file.Close())
}

func (a *app) verify(ctx context.Context, given []string, trust operator.AuditTrust) (report operator.AuditReport, err error) {
	if len(given) == 0 {
		err = a.operate(ctx, func(on operator.Caller) error {
			report, err = operator.AuditVerify.Call(ctx, on, trust, nil)
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
		report, err = operator.VerifyExport(file, info.Size(), trust)
	}
	return report, errors.Join(err, file.Close())
}

func (a *app) printAudit(r operator.AuditReport) {
	if r.Damage != nil {
		a.printf(a.out, "%s\n", printable(r.Damage.Sentence))
		return
	}
	a.printf(a.out, "Whole and unaltered: %d entries in %d segments, from place %d to %d.\n", r.Entries, r.Segments, r.First, r.Last)
	a.fields([][2]string{
		{"Signed by", r.Key},
		{"Complete", mark(r.Complete, "yes") + mark(!r.Complete, "no: the file holds a selection of the entries")},
		{"Erased", countOf(r.Erased, "entries had the data of a person erased")},
		{"Unsealed", countOf(r.Unsealed, "entries were written too lately to be proved yet")},
	})
}

func countOf(n int64, what string) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprint(strconv.FormatInt(n, 10), " ", what)
}
