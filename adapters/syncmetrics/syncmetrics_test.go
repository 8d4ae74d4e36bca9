package syncmetrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/ostiary/ostiary/adapters/syncmetrics"
	"github.com/ostiary/ostiary/core/domain"
)

func TestCollector(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(syncmetrics.New(func() map[domain.DirectoryID]domain.SyncStatus {
		return map[domain.DirectoryID]domain.SyncStatus{
			"corp": {At: time.Unix(1700000000, 0), Created: 3, Updated: 2, Disabled: 1, Enabled: 4, SafetyLimitHit: true},
		}
	}))
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			key := []string{family.GetName()}
			for _, label := range m.GetLabel() {
				key = append(key, label.GetValue())
			}
			got[strings.Join(key, " ")] = m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"ostiary_directory_sync_timestamp_seconds corp": 1700000000, "ostiary_directory_sync_safety_limit corp": 1,
		"ostiary_directory_sync_failed corp": 0, "ostiary_directory_sync_changes created corp": 3,
		"ostiary_directory_sync_changes updated corp": 2, "ostiary_directory_sync_changes disabled corp": 1,
		"ostiary_directory_sync_changes failed corp": 0, "ostiary_directory_sync_changes enabled corp": 4,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
