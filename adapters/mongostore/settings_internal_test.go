package mongostore

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

// TestMissingSettingsHaveDefaults removes each setting in turn, as in a document that is older than the setting.
func TestMissingSettingsHaveDefaults(t *testing.T) {
	t.Parallel()
	filled, defaults := documentOf(t, conformance.Filled[domain.Settings]()), documentOf(t, domain.DefaultSettings())
	removed := 0
	for _, group := range filled {
		members, ok := group.Value.(bson.D)
		if !ok {
			continue // the version and the time are not settings
		}
		for i := range members {
			removed++
			stored := replaced(filled, group.Key, append(append(bson.D{}, members[:i]...), members[i+1:]...))
			want := append(bson.D{}, members...)
			want[i].Value = valueOf(valueOf(defaults, group.Key), members[i].Key)
			if diff := cmp.Diff(settingsOf(t, replaced(filled, group.Key, want)), settingsOf(t, stored)); diff != "" {
				t.Errorf("without %s.%s (-want +got):\n%s", group.Key, members[i].Key, diff)
			}
		}
	}
	if removed < 18 {
		t.Errorf("only %d settings were removed", removed)
	}
}

func documentOf(t *testing.T, settings domain.Settings) bson.D {
	t.Helper()
	raw, err := settingsForm.encode(&settings)
	if err != nil {
		t.Fatal(err)
	}
	var d bson.D
	if err := bson.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

func settingsOf(t *testing.T, d bson.D) domain.Settings {
	t.Helper()
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := settingsForm.decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	return settings
}

func valueOf(document any, name string) any {
	d, _ := document.(bson.D)
	for _, e := range d {
		if e.Key == name {
			return e.Value
		}
	}
	return nil
}

func replaced(d bson.D, name string, value any) bson.D {
	changed := append(bson.D{}, d...)
	for i := range changed {
		if changed[i].Key == name {
			changed[i].Value = value
		}
	}
	return changed
}
