// Package syncmetrics writes the results of directory synchronizations, and of the checks of sessions at providers, as
// Prometheus metrics. The series are one for each configured directory, never one for a person.
package syncmetrics

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
)

// The names of the metrics. docs/operate.md describes them.
const (
	lastRun     = "ostiary_directory_sync_timestamp_seconds"
	safetyLimit = "ostiary_directory_sync_safety_limit"
	failed      = "ostiary_directory_sync_failed"
	checkFailed = "ostiary_provider_check_failed"
	changes     = "ostiary_directory_sync_changes"
)

// Writer returns a function that writes what read returns in the Prometheus text format.
func Writer(read func() map[domain.DirectoryID]domain.SyncStatus) func(to io.Writer) {
	return func(to io.Writer) {
		all := read()
		if len(all) == 0 {
			return
		}
		ids := slices.Sorted(maps.Keys(all))
		gauge := func(name, help string, value func(s domain.SyncStatus) float64) {
			writeHead(to, name, help)
			for _, id := range ids {
				_, _ = fmt.Fprintf(to, "%s{directory=%q} %g\n", name, id, value(all[id]))
			}
		}
		gauge(lastRun, "When the last scheduled synchronization ended.",
			func(s domain.SyncStatus) float64 { return float64(s.At.Unix()) })
		gauge(safetyLimit, "1 while scheduled synchronizations stop at their safety limit, else 0.",
			func(s domain.SyncStatus) float64 { return number(s.SafetyLimitHit) })
		gauge(failed, "1 if the directory or the store was unavailable during the last one, else 0.",
			func(s domain.SyncStatus) float64 { return number(s.Unavailable) })
		writeHead(to, changes, "Users that the last applied synchronization changed, by how.")
		for _, id := range ids {
			writeChanges(to, id, all[id])
		}
	}
}

// Checks returns a function that writes whether the last checks at each provider failed, as read returns it.
func Checks(read func() map[domain.DirectoryID]bool) func(to io.Writer) {
	return func(to io.Writer) {
		all := read()
		if len(all) == 0 {
			return
		}
		writeHead(to, checkFailed, "1 while the sessions of the provider cannot be checked, else 0.")
		for _, id := range slices.Sorted(maps.Keys(all)) {
			_, _ = fmt.Fprintf(to, "%s{directory=%q} %g\n", checkFailed, id, number(all[id]))
		}
	}
}

// writeHead writes the lines before the series of a metric.
func writeHead(to io.Writer, name, help string) {
	_, _ = fmt.Fprintf(to, "# HELP %s %s\n# TYPE %s gauge\n", name, help, name)
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
