package mongostore

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

// TestTheStructsThatReachTheEncoderNameTheirFields proves that the registry of these tests refuses what the registry
// of the service would write under the names of Go fields. All other tests of this package run with it.
func TestTheStructsThatReachTheEncoderNameTheirFields(t *testing.T) {
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

func comesBack[T any](form codec[T]) func(*testing.T) {
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
				t.Errorf("it differs after a round trip (-want +got):\n%s", diff)
			}
		}
	}
}

func TestEveryFieldOfTheDomainSurvivesTheCodec(t *testing.T) {
	t.Parallel()
	t.Run("user", comesBack(userForm))
	t.Run("session", comesBack(sessionForm))
	t.Run("API key", comesBack(keyForm))
	t.Run("third-party token", comesBack(tokenForm))
	t.Run("role", comesBack(roleForm))
	t.Run("group", comesBack(groupForm))
	t.Run("settings", comesBack(settingsForm))
	t.Run("attempts", comesBack(attemptsForm))
	t.Run("signing keys", comesBack(signingForm))
	t.Run("head of the audit log", comesBack(auditHeadForm))
	t.Run("audit segment", func(t *testing.T) {
		t.Parallel()
		want := conformance.Filled[domain.AuditSegment]()
		r := newSegmentRecord(&want)
		if diff := cmp.Diff(want, r.domain()); diff != "" {
			t.Errorf("it differs (-want +got):\n%s", diff)
		}
	})
}

// TestKeysOfMapsMayHoldDots: MongoDB reads a dot in a name as a path.
func TestKeysOfMapsMayHoldDots(t *testing.T) {
	t.Parallel()
	locks := map[string]time.Time{"2001:db8::1.$x": time.Unix(1, 2).UTC()}
	want := accountAttempts{Attempts: domain.Attempts{Locks: locks}}
	raw, err := attemptsForm.encode(&want)
	if err != nil {
		t.Fatal(err)
	}
	got, err := attemptsForm.decode(raw)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("it differs after a round trip (-want +got), %v:\n%s", err, diff)
	}
}

// TestItemsOfAnOutboxAreTheGoldenOnes: a crash leaves them for another version of the program to deliver.
func TestItemsOfAnOutboxAreTheGoldenOnes(t *testing.T) {
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
		t.Errorf("an outbox differs (-want +got):\n%s", diff)
	}
}

func TestTimesBeyondTheRangeKeepTheirOrder(t *testing.T) {
	t.Parallel()
	now, far := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	if nanos(now) >= nanos(far) || nanos(time.Time{}) != 0 || nanos(now) <= nanos(time.Time{}) {
		t.Errorf("zero %d, now %d, far %d: want them in this order", nanos(time.Time{}), nanos(now), nanos(far))
	}
	if got := fromNanos(nanos(far)); got.Year() < 2262 {
		t.Errorf("the year 9999 is read back as %v, want the last time that fits", got)
	}
}
