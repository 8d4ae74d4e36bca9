package jobs

import (
	"context"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/sso"
	"github.com/ostiary/ostiary/modules/storage"
	"github.com/ostiary/ostiary/ports"
)

type deps struct {
	fx.In
	Lifecycle    fx.Lifecycle
	Config       config.Config
	Services     *core.Services
	Storage      ports.Storage
	Installation *storage.Installation
	Sealer       ports.Sealer
	Clock        ports.Clock
	Log          *zap.Logger
}

// list returns the periodic jobs.
func list(d deps) []job {
	s := d.Services
	all := []job{
		{name: "sweep", every: time.Minute, run: func(ctx context.Context) error {
			return d.Storage.Maintenance.SweepExpired(ctx, d.Clock.Now())
		}},
		{name: "sweep_sessions", every: 5 * time.Minute, run: d.sweepSessions},
		{name: "audit_access", every: time.Minute, run: func(ctx context.Context) error {
			return s.AuditAccess.Flush(ctx, false)
		}},
		{name: "audit_retention", every: time.Minute, atStart: true, run: d.finishRetention},
		// Again once an hour, in case of an import meanwhile.
		{name: "learn_hashes", every: time.Hour, atStart: true, run: s.Account.LearnHashes},
		// Much more often than a session is checked, so that each check is made when it is due.
		{name: "watch_providers", every: 5 * time.Second, run: d.watchProviders},
		{name: "lockout_advice", atStart: true, run: d.adviseLockout},
	}
	if every := d.Config.DirectorySync.CheckInterval; every > 0 {
		all = append(all, job{name: "directory_live", every: every, run: s.Directory.CheckLive})
	}
	if every := d.Config.DirectorySync.RunInterval; every > 0 {
		all = append(all, job{name: "directory_sync", every: every, run: s.Directory.RunScheduled})
	}
	if d.Installation != nil {
		all = append(all, job{name: "store_mark", every: time.Minute, run: d.Installation.Mark})
	}
	return all
}

// watchProviders checks the sessions of providers, and logs when a provider cannot be asked and when it can again.
func (d *deps) watchProviders(ctx context.Context) error {
	log := d.Log.Named("watch_providers")
	return d.Services.SSO.WatchProviders(ctx, func(c sso.ProviderChange) {
		directory := zap.String("directory", string(c.Directory))
		if c.Err == nil {
			log.Warn("the sessions of a provider are checked again", directory)
			return
		}
		log.Warn("the sessions of a provider cannot be checked and stay live meanwhile", directory, zap.Error(c.Err))
	})
}

// sweepSessions deletes the records of ended sessions after a day, so that users can still see when one ended.
func (d *deps) sweepSessions(ctx context.Context) error {
	const batch = 1000
	for {
		now := d.Clock.Now()
		removed, err := d.Storage.Sessions.Sweep(ctx, now, now.Add(-24*time.Hour), batch)
		if err != nil || removed < batch {
			return err
		}
	}
}

// finishRetention continues an interrupted removal of audit entries, and logs how far it is.
func (d *deps) finishRetention(ctx context.Context) error {
	var removed, total int64
	err := d.Services.Audit.FinishRetention(ctx, func(n, of int64) { removed, total = n, of })
	if removed > 0 {
		d.Log.Info("removed entries of the audit log before its cut", zap.Int64("entries", removed), zap.Int64("of", total))
	}
	return err
}

// adviseLockout logs which directories lock accounts before the service does. It is a job, since the start must not
// wait for the directories.
func (d *deps) adviseLockout(ctx context.Context) error {
	advice, err := d.Services.Directory.LockoutAdvice(ctx)
	if err != nil {
		d.Log.Warn("the lockout policies of the directories could not be compared", zap.Error(err))
	}
	for _, sentence := range advice {
		d.Log.Warn("security advice", zap.String("advice", sentence))
	}
	return nil
}
