// Package auditlog wires the audit log: the auditWriter that services write with, the sequencer that seals entries, and
// the sinks of its checkpoints.
package auditlog

import (
	"context"
	"os"
	"sync"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/checkpointlog"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/modules/jobs"
	"github.com/ostiary/ostiary/ports"
)

// Module provides the auditWriter, the service and the verifier.
var Module = fx.Module("audit",
	fx.Provide(
		audit.NewWriter,
		audit.NewAccess,
		audit.NewSigner,
		audit.NewStoreVerifier,
		newSequencer,
		newService,
	),
)

// Jobs seals the log and writes aggregated counts while the service runs.
var Jobs = fx.Module("audit.jobs", fx.Provide(flush), fx.Invoke(seal))

func newSequencer(lc fx.Lifecycle, c config.Config, store ports.AuditSealStore, signer *audit.Signer, clock ports.Clock) (*audit.Sequencer, error) {
	var sinks []ports.CheckpointSink
	if c.Audit.Checkpoint.Stdout {
		sinks = append(sinks, checkpointlog.New(os.Stdout, c.Audit.Checkpoint.Entries))
	}
	if c.Audit.Checkpoint.File != "" {
		file, err := checkpointlog.Open(c.Audit.Checkpoint.File, c.Audit.Checkpoint.Entries)
		if err != nil {
			return nil, err
		}
		lc.Append(fx.StopHook(file.Close))
		sinks = append(sinks, file)
	}
	return audit.NewSequencer(store, signer, clock, sinks...), nil
}

type needs struct {
	fx.In
	AuditLog    ports.AuditLog
	Proofs      ports.AuditProofs
	Sequencer   *audit.Sequencer
	Signer      *audit.Signer
	Access      *audit.Access
	AuditWriter *audit.Writer
	Clock       ports.Clock
}

func newService(n needs) *audit.Service {
	return audit.New(audit.Deps{
		AuditLog: n.AuditLog, Proofs: n.Proofs, Sequencer: n.Sequencer, Signer: n.Signer, Access: n.Access, Writer: n.AuditWriter, Clock: n.Clock,
	})
}

// flush writes the counts of aggregated refusals and reads.
func flush(access *audit.Access) jobs.Result {
	return jobs.Result{Job: jobs.Job{Name: "audit_access", Every: time.Minute, Run: func(ctx context.Context) error {
		return access.Flush(ctx, false)
	}}}
}

// seal runs the sequencer until the service stops, and then once more, so that the last entries are sealed too.
func seal(lc fx.Lifecycle, c config.Config, sequencer *audit.Sequencer, access *audit.Access, log *zap.Logger) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	lc.Append(fx.StartHook(func(ctx context.Context) {
		checkReached(ctx, c.Audit.Checkpoint.File, sequencer, log.Named("audit_seal"))
	}))
	report := func(err error) { log.Named("audit_seal").Error("sealing the audit log failed", zap.Error(err)) }
	lc.Append(fx.StartStopHook(
		func() { running.Go(func() { sequencer.Run(ctx, c.Audit.SealInterval, report) }) },
		func(ending context.Context) error {
			err := access.Flush(ending, true)
			stop()
			running.Wait()
			return err
		},
	))
}

// checkReached logs an error if the checkpoint file is ahead of the store: the database was replaced by an older
// copy.
func checkReached(ctx context.Context, file string, sequencer *audit.Sequencer, log *zap.Logger) {
	if file == "" {
		return
	}
	line, err := checkpointlog.Last(file)
	if err == nil && line != nil {
		err = sequencer.CheckReached(ctx, line)
	}
	if err != nil {
		log.Error("the database does not match the checkpoints", zap.String("file", file), zap.Error(err))
	}
}
