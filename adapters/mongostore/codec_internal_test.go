package mongostore

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

// TestEncoderRefusesStructsWithoutFieldNames checks that the registry of these tests refuses values that the registry
// of the service would store under the names of Go fields. All other tests of this package use it.
func TestEncoderRefusesStructsWithoutFieldNames(t *testing.T) {
	t.Parallel()
	type inner struct{ Named string }
	for name, value := range map[string]any{
		"a user":                domain.User{},
		"a session in a member": bson.D{{Key: "doc", Value: domain.Session{}}},
		"a struct in a struct": struct {
			Inner inner `bson:"inner"`
		}{},
	} {
		if _, err := encode(value); !errors.Is(err, errUnnamed) {
			t.Errorf("encoding %s = %v, want errUnnamed", name, err)
		}
	}
	var user domain.User
	if err := decode(bson.Raw("\x05\x00\x00\x00\x00"), &user); !errors.Is(err, errUnnamed) {
		t.Errorf("decoding a user = %v, want errUnnamed", err)
	}
}

func roundTrips[T any](form codec[T]) func(*testing.T) {
	return func(t *testing.T) {
		t.Parallel()
		var empty T
		for _, want := range []T{conformance.Filled[T](), empty} {
			raw, err := form.encode(&want)
			if err != nil {
				t.Fatal(err)
			}
			got, err := form.decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("round trip (-want +got):\n%s", diff)
			}
		}
	}
}

func TestCodecRoundTripsEveryField(t *testing.T) {
	t.Parallel()
	t.Run("user", roundTrips(userForm))
	t.Run("session", roundTrips(sessionForm))
	t.Run("API key", roundTrips(keyForm))
	t.Run("third-party token", roundTrips(tokenForm))
	t.Run("role", roundTrips(roleForm))
	t.Run("group", roundTrips(groupForm))
	t.Run("settings", roundTrips(settingsForm))
	t.Run("attempts", roundTrips(attemptsForm))
	t.Run("signing keys", roundTrips(signingForm))
	t.Run("head of the audit log", roundTrips(auditHeadForm))
	t.Run("audit segment", func(t *testing.T) {
		t.Parallel()
		want := conformance.Filled[auditformat.Segment]()
		r := newSegmentRecord(&want)
		if diff := cmp.Diff(want, r.domain()); diff != "" {
			t.Errorf("round trip (-want +got):\n%s", diff)
		}
	})
}

// TestMapKeysMayContainDots: MongoDB reads a dot in a field name as a path.
func TestMapKeysMayContainDots(t *testing.T) {
	t.Parallel()
	locks := map[string]time.Time{"2001:db8::1.$x": time.Unix(1, 2).UTC()}
	want := accountAttempts{Attempts: domain.Attempts{Locks: locks}}
	raw, err := attemptsForm.encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := attemptsForm.decode(raw)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("round trip: %v (-want +got):\n%s", err, diff)
	}
}

// TestOutboxItemsGolden: another version of the program may deliver the items after a crash.
func TestOutboxItemsGolden(t *testing.T) {
	t.Parallel()
	entry := bson.Raw("\x05\x00\x00\x00\x00")
	raw, err := encode(waiting{ID: "usr_1", Gone: true, Outbox: []item{
		{ID: "a", At: time.Unix(0, 1), Entry: entry},
		{ID: "b", At: time.Unix(0, 2), Message: entry},
		{ID: "c", At: time.Unix(0, 3), Bump: true},
		{ID: "d", At: time.Unix(0, 4), Tombstone: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := bson.MarshalExtJSON(raw, true, false)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"_id":"usr_1","gone":true,"outbox":[{"id":"a","at":{"$numberLong":"1"},"entry":{}},` +
		`{"id":"b","at":{"$numberLong":"2"},"message":{}},{"id":"c","at":{"$numberLong":"3"},"bump":true},` +
		`{"id":"d","at":{"$numberLong":"4"},"tombstone":true}]}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("outbox (-want +got):\n%s", diff)
	}
}

func TestTimesOutOfRangeKeepTheirOrder(t *testing.T) {
	t.Parallel()
	now, far := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	if nanos(now) >= nanos(far) || nanos(time.Time{}) != 0 || nanos(now) <= nanos(time.Time{}) {
		t.Errorf("nanos: zero %d, now %d, far %d; want ascending order", nanos(time.Time{}), nanos(now), nanos(far))
	}
	if got := fromNanos(nanos(far)); got.Year() < 2262 {
		t.Errorf("the year 9999 is decoded as %v, want the last time that fits", got)
	}
}
