package syncmetrics_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/ostiary/ostiary/adapters/syncmetrics"
	"github.com/ostiary/ostiary/core/domain"
)

func TestWriter(t *testing.T) {
	t.Parallel()
	write := syncmetrics.Writer(func() map[domain.DirectoryID]domain.SyncStatus {
		return map[domain.DirectoryID]domain.SyncStatus{
			"corp": {At: time.Unix(1700000000, 0), Created: 3, Updated: 2, Disabled: 1, Enabled: 4, SafetyLimitHit: true},
			"lab":  {At: time.Unix(1700000001, 0), Failed: 5, Unavailable: true},
		}
	})
	var text strings.Builder
	write(&text)
	syncmetrics.Checks(func() map[domain.DirectoryID]bool {
		return map[domain.DirectoryID]bool{"idp": true, "other": false}
	})(&text)
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(text.String()))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for name, family := range families {
		if family.GetHelp() == "" {
			t.Errorf("%s has no description", name)
		}
		for _, m := range family.GetMetric() {
			key := []string{name}
			for _, label := range m.GetLabel() {
				key = append(key, label.GetValue())
			}
			got[strings.Join(key, " ")] = m.GetGauge().GetValue()
		}
	}
	want := map[string]float64{
		"ostiary_directory_sync_timestamp_seconds corp": 1700000000, "ostiary_directory_sync_safety_limit corp": 1,
		"ostiary_provider_check_failed idp": 1, "ostiary_provider_check_failed other": 0,
		"ostiary_directory_sync_failed corp": 0, "ostiary_directory_sync_changes corp created": 3,
		"ostiary_directory_sync_changes corp updated": 2, "ostiary_directory_sync_changes corp disabled": 1,
		"ostiary_directory_sync_changes corp failed": 0, "ostiary_directory_sync_changes corp enabled": 4,
		"ostiary_directory_sync_timestamp_seconds lab": 1700000001, "ostiary_directory_sync_safety_limit lab": 0,
		"ostiary_directory_sync_failed lab": 1, "ostiary_directory_sync_changes lab created": 0,
		"ostiary_directory_sync_changes lab updated": 0, "ostiary_directory_sync_changes lab disabled": 0,
		"ostiary_directory_sync_changes lab failed": 5, "ostiary_directory_sync_changes lab enabled": 0,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
