// Package syncmetrics shows Prometheus how the synchronizations of directories went. The series are one for each
// configured directory, never one for a person.
package syncmetrics

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/VictoriaMetrics/metrics"

	"github.com/ostiary/ostiary/core/domain"
)

// The names of the metrics. docs/operate.md describes them.
const (
	lastRun     = "ostiary_directory_sync_timestamp_seconds" // when the last scheduled synchronization ended
	safetyLimit = "ostiary_directory_sync_safety_limit"      // 1 while synchronizations stop at their safety limit, else 0
	failed      = "ostiary_directory_sync_failed"            // 1 if the directory or the store was unavailable, else 0
	changes     = "ostiary_directory_sync_changes"           // users that the last applied one changed, by how
)

// Writer returns a function that writes what read returns in the Prometheus text format.
func Writer(read func() map[domain.DirectoryID]domain.SyncStatus) func(to io.Writer) {
	return func(to io.Writer) {
		all := read()
		if len(all) == 0 {
			return
		}
		ids := slices.Sorted(maps.Keys(all))
		gauge := func(name string, value func(s domain.SyncStatus) float64) {
			metrics.WriteMetadataIfNeeded(to, name, "gauge")
			for _, id := range ids {
				_, _ = fmt.Fprintf(to, "%s{directory=%q} %g\n", name, id, value(all[id]))
			}
		}
		gauge(lastRun, func(s domain.SyncStatus) float64 { return float64(s.At.Unix()) })
		gauge(safetyLimit, func(s domain.SyncStatus) float64 { return number(s.SafetyLimitHit) })
		gauge(failed, func(s domain.SyncStatus) float64 { return number(s.Unavailable) })
		metrics.WriteMetadataIfNeeded(to, changes, "gauge")
		for _, id := range ids {
			writeChanges(to, id, all[id])
		}
	}
}

func writeChanges(to io.Writer, id domain.DirectoryID, s domain.SyncStatus) {
	change := func(how string, users int) {
		_, _ = fmt.Fprintf(to, "%s{directory=%q,change=%q} %d\n", changes, id, how, users)
	}
	change("created", s.Created)
	change("updated", s.Updated)
	change("disabled", s.Disabled)
	change("enabled", s.Enabled)
	change("failed", s.Failed)
}

func number(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}
