// Package jobs runs background jobs: each in a loop of its own, from the start of the service to its stop.
package jobs

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/ports"
)

// Job is a periodic task. A run is limited to its interval or a minute, whichever is longer. A failed run is logged,
// and the job runs again at the next interval.
type Job struct {
	Name  string
	Every time.Duration
	Run   func(ctx context.Context) error
	// AtStart also runs the job at the start.
	AtStart bool
}

// Result adds a job to the running ones. A constructor returns it.
type Result struct {
	fx.Out
	Job Job `group:"jobs"`
}

// Module runs the jobs of the other modules and its own, which sweep expired records.
var Module = fx.Module("jobs",
	fx.Provide(sweepExpired, sweepSessions),
	fx.Invoke(fx.Annotate(run, fx.ParamTags("", "", `group:"jobs"`))),
)

func run(lc fx.Lifecycle, log *zap.Logger, all []Job) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	lc.Append(fx.StartStopHook(
		func() {
			for _, job := range all {
				running.Go(func() { loop(ctx, log.Named(job.Name), job) })
			}
		},
		func() {
			stop()
			running.Wait()
		},
	))
}

func loop(ctx context.Context, log *zap.Logger, job Job) {
	turn := func() {
		if err := once(ctx, job); err != nil && ctx.Err() == nil {
			log.Error("job failed", zap.Error(err))
		}
	}
	if job.AtStart {
		turn()
	}
	ticker := time.NewTicker(job.Every)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			turn()
		}
	}
}

// once runs the job and converts a panic to an error, so that one failing job does not end the service.
func once(ctx context.Context, job Job) (err error) {
	ctx, cancel := context.WithTimeout(ctx, max(job.Every, time.Minute))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return job.Run(ctx)
}

func sweepExpired(store ports.Maintenance, clock ports.Clock) Result {
	return Result{Job: Job{Name: "sweep", Every: time.Minute, Run: func(ctx context.Context) error {
		return store.SweepExpired(ctx, clock.Now())
	}}}
}

// sweepSessions deletes the records of ended sessions after a day, so that users can still see when one ended.
func sweepSessions(store ports.SessionStore, clock ports.Clock) Result {
	const batch = 1000
	return Result{Job: Job{Name: "sweep_sessions", Every: 5 * time.Minute, Run: func(ctx context.Context) error {
		for {
			now := clock.Now()
			removed, err := store.Sweep(ctx, now, now.Add(-24*time.Hour), batch)
			if err != nil || removed < batch {
				return err
			}
		}
	}}}
}
