// Package syncmetrics shows Prometheus how the synchronizations of directories went. The series are one for each
// configured directory, never one for a person.
package syncmetrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ostiary/ostiary/core/domain"
)

// Collector reads the state of each directory when it is asked for.
type Collector struct {
	read func() map[domain.DirectoryID]domain.SyncStatus
}

var (
	labels  = []string{"directory"}
	lastRun = prometheus.NewDesc("ostiary_directory_sync_timestamp_seconds",
		"When the last scheduled synchronization ended.", labels, nil)
	safetyLimit = prometheus.NewDesc("ostiary_directory_sync_safety_limit",
		"1 while scheduled synchronizations stop at their safety limit, else 0.", labels, nil)
	failed = prometheus.NewDesc("ostiary_directory_sync_failed",
		"1 if the directory or the store was unavailable during the last one, else 0.", labels, nil)
	changed = prometheus.NewDesc("ostiary_directory_sync_changes",
		"Users that the last applied synchronization changed, by how.", []string{"directory", "change"}, nil)
)

// New returns a collector of what read returns.
func New(read func() map[domain.DirectoryID]domain.SyncStatus) *Collector { return &Collector{read} }

// Describe sends the descriptions of the series.
func (c *Collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{lastRun, safetyLimit, failed, changed} {
		to <- d
	}
}

// Collect sends the present values.
func (c *Collector) Collect(to chan<- prometheus.Metric) {
	for id, s := range c.read() {
		gauge := func(d *prometheus.Desc, value float64, more ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, append([]string{string(id)}, more...)...)
		}
		gauge(lastRun, float64(s.At.Unix()))
		gauge(safetyLimit, number(s.SafetyLimitHit))
		gauge(failed, number(s.Unavailable))
		gauge(changed, float64(s.Created), "created")
		gauge(changed, float64(s.Updated), "updated")
		gauge(changed, float64(s.Disabled), "disabled")
		gauge(changed, float64(s.Enabled), "enabled")
		gauge(changed, float64(s.Failed), "failed")
	}
}

func number(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
