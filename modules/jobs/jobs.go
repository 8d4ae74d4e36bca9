// Package jobs runs the background work of the service: the periodic jobs, the sealing of the audit log and the
// delivery of messages.
package jobs

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"
)

// Module runs the background work from the start of the service to its stop.
var Module = fx.Module("jobs", fx.Invoke(seal, run, deliver))

// job is a periodic task. A run is limited to its interval or a minute, whichever is longer. A failed run is logged,
// and the job runs again at the next interval.
type job struct {
	name    string
	every   time.Duration // zero for a job that does not repeat
	run     func(ctx context.Context) error
	atStart bool // also runs at the start
}

func run(d deps) {
	background(d.Lifecycle, func(ctx context.Context) {
		var running sync.WaitGroup
		for _, j := range list(d) {
			running.Go(func() { loop(ctx, d.Log.Named(j.name), j) })
		}
		running.Wait()
	})
}

// background runs the function in a goroutine. Its context ends at the stop of the service, which waits for it.
func background(lc fx.Lifecycle, run func(ctx context.Context)) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	lc.Append(fx.StartStopHook(
		func() {
			go func() {
				defer close(ended)
				run(ctx)
			}()
		},
		func(stopping context.Context) error {
			stop()
			select {
			case <-ended:
				return nil
			case <-stopping.Done():
				return stopping.Err()
			}
		},
	))
}

func loop(ctx context.Context, log *zap.Logger, j job) {
	turn := func() {
		if err := once(ctx, j); err != nil && ctx.Err() == nil {
			log.Error("job failed", zap.Error(err))
		}
	}
	if j.atStart {
		turn()
	}
	if j.every == 0 {
		return
	}
	ticker := time.NewTicker(j.every)
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
func once(ctx context.Context, j job) (err error) {
	ctx, cancel := context.WithTimeout(ctx, max(j.every, time.Minute))
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return j.run(ctx)
}
