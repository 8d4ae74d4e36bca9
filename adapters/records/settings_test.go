package records_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

// TestASettingThatJSONLacksHasItsDefault removes each setting in turn, as from a document that is older than it.
func TestASettingThatJSONLacksHasItsDefault(t *testing.T) {
	t.Parallel()
	removed := 0
	defaults := records.StoredSettingsJSON()
	known := objectOf(t, defaults)
	for group := range objectOf(t, filledSettings()) {
		for name := range membersOf(objectOf(t, filledSettings()), group) {
			removed++
			stored, want := objectOf(t, filledSettings()), objectOf(t, filledSettings())
			delete(membersOf(stored, group), name)
			delete(membersOf(want, group), name)
			if value, ok := membersOf(known, group)[name]; ok {
				membersOf(want, group)[name] = value
			}
			if diff := cmp.Diff(decoded(t, want, records.Settings{}), decoded(t, stored, defaults)); diff != "" {
				t.Errorf("without %s.%s (-want +got):\n%s", group, name, diff)
			}
		}
	}
	if removed < 18 {
		t.Errorf("%d settings were removed: these are not all", removed)
	}
}

// TestASettingThatJSONLeavesOutIsZero: what an encoder leaves out when it is zero must not come back as a default.
func TestASettingThatJSONLeavesOutIsZero(t *testing.T) {
	t.Parallel()
	stored := objectOf(t, records.NewSettings(&domain.Settings{}))
	if diff := cmp.Diff(records.Settings{}, decoded(t, stored, records.StoredSettingsJSON())); diff != "" {
		t.Errorf("these settings were zero and left out: they need no omitempty (-want +got):\n%s", diff)
	}
}

func filledSettings() records.Settings {
	settings := conformance.Filled[domain.Settings]()
	return records.NewSettings(&settings)
}

func objectOf(t *testing.T, r records.Settings) map[string]any {
	t.Helper()
	raw, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var object map[string]any
	if err := json.Unmarshal(raw, &object); err != nil {
		t.Fatal(err)
	}
	return object
}

// membersOf returns the settings of a group; the version and the time have none.
func membersOf(object map[string]any, group string) map[string]any {
	members, _ := object[group].(map[string]any)
	return members
}

func decoded(t *testing.T, object map[string]any, over records.Settings) records.Settings {
	t.Helper()
	raw, err := json.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &over); err != nil {
		t.Fatal(err)
	}
	return over
}
