package directories

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/syncmetrics"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/modules/jobs"
)

// Jobs checks users with live sessions and synchronizes whole directories at the configured intervals, exports
// metrics about both, and logs at the start which directories lock accounts before Ostiary does.
var Jobs = fx.Module("directories.jobs", fx.Provide(newJobs), fx.Invoke(show, advise))

func show(service *directory.Service, registry *prometheus.Registry) error {
	return registry.Register(syncmetrics.New(service.Numbers))
}

// advise runs in the background, since the start must not wait for the directories.
func advise(lc fx.Lifecycle, service *directory.Service, log *zap.Logger) {
	ctx, stop := context.WithTimeout(context.Background(), time.Minute)
	var asking sync.WaitGroup
	lc.Append(fx.StartStopHook(
		func() {
			asking.Go(func() {
				advice, err := service.LockoutAdvice(ctx)
				if err != nil {
					log.Warn("the lockout policies of the directories could not be compared", zap.Error(err))
				}
				for _, sentence := range advice {
					log.Warn("security advice", zap.String("advice", sentence))
				}
			})
		},
		func() {
			stop()
			asking.Wait()
		},
	))
}

type jobsResult struct {
	fx.Out
	Jobs []jobs.Job `group:"jobs,flatten"`
}

func newJobs(c config.Config, service *directory.Service) jobsResult {
	var r jobsResult
	if every := c.DirectorySync.CheckInterval; every > 0 {
		r.Jobs = append(r.Jobs, jobs.Job{Name: "directory_live", Every: every, Run: service.CheckLive})
	}
	if every := c.DirectorySync.RunInterval; every > 0 {
		r.Jobs = append(r.Jobs, jobs.Job{Name: "directory_sync", Every: every, Run: service.RunScheduled})
	}
	return r
}
