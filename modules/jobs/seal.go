package jobs

import (
	"context"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/checkpointlog"
)

// seal seals the audit log, on one node at a time, until the service stops, and then once more, after the last entries
// of the jobs.
func seal(d deps) {
	log := d.Log.Named("audit_seal")
	d.Lifecycle.Append(fx.StartHook(func(ctx context.Context) { checkReached(ctx, d, log) }))
	background(d.Lifecycle, func(ctx context.Context) {
		d.Services.Sequencer.Run(ctx, d.Storage.SealLease, d.Config.Audit.SealInterval, func(err error) {
			log.Error("sealing the audit log failed", zap.Error(err))
		})
	})
	d.Lifecycle.Append(fx.StopHook(func(ctx context.Context) error { return d.Services.AuditAccess.Flush(ctx, true) }))
}

// checkReached logs an error if the checkpoint file is ahead of the store: the database was replaced by an older
// copy.
func checkReached(ctx context.Context, d deps, log *zap.Logger) {
	file := d.Config.Audit.Checkpoint.File
	if file == "" {
		return
	}
	line, err := checkpointlog.Last(file)
	if err == nil && line != nil {
		err = d.Services.Sequencer.CheckReached(ctx, line)
	}
	if err != nil {
		log.Error("the database does not match the checkpoints", zap.String("file", file), zap.Error(err))
	}
}
