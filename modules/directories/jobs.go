package directories

import (
	"go.uber.org/fx"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/modules/jobs"
)

// Jobs look up people with live sessions and synchronize whole directories, each as often as the configuration says.
var Jobs = fx.Module("directories.jobs", fx.Provide(newJobs))

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
