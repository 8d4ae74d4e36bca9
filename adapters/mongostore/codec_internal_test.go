package mongostore

import (
	"encoding/json"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/domain"
)

// fill puts something into every field, so that a field that the codec loses is seen.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(time.Date(2026, 11, 25, 3, 4, 5, 123456789, time.UTC).Add(time.Duration(*n) * time.Hour)))
		return
	case json.RawMessage:
		v.SetBytes([]byte(`{"a.b":"$c"}`))
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, n)
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), n)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), n)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.SetString("2001:db8::1.$x")
		fill(value, n)
		v.SetMapIndex(key, value)
	case reflect.String:
		v.SetString("text\u00e9" + string(rune('a'+*n%26)))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Uint8:
		v.SetUint(uint64(*n % 256))
	default:
		v.SetInt(int64(*n))
	}
}

func roundTrip[T any](t *testing.T) {
	t.Helper()
	var full, empty T
	var n int
	fill(reflect.ValueOf(&full).Elem(), &n)
	for _, want := range []T{full, empty} {
		raw, err := encode(&want)
		if err != nil {
			t.Fatal(err)
		}
		var got T
		if err := decode(raw, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%T differs after a round trip (-want +got):\n%s", want, diff)
		}
	}
}

func TestEveryFieldOfTheDomainSurvivesTheCodec(t *testing.T) {
	t.Parallel()
	roundTrip[domain.User](t)
	roundTrip[domain.Session](t)
	roundTrip[domain.APIKey](t)
	roundTrip[domain.ThirdPartyToken](t)
	roundTrip[domain.Role](t)
	roundTrip[domain.Group](t)
	roundTrip[domain.Settings](t)
	roundTrip[attemptsDocument](t)
	roundTrip[domain.IdempotencyRecord](t)
	roundTrip[domain.Message](t)
	roundTrip[domain.AuditSegment](t)
	roundTrip[signingSet](t)
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
