package conformance

import (
	"encoding/json"
	"fmt"
	"reflect"
	"testing"
	"time"

	stored "github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// Filled returns a value with every field set, each to a different value, so that a new field that a store does not
// save is detected.
func Filled[T any]() T {
	var value T
	count := 0
	fill(reflect.ValueOf(&value).Elem(), &count)
	return value
}

func fill(v reflect.Value, count *int) {
	*count++
	switch v.Interface().(type) {
	case time.Time:
		v.Set(reflect.ValueOf(epoch.Add(time.Duration(*count) * time.Second)))
		return
	case json.RawMessage, stored.Text:
		v.SetBytes(fmt.Appendf(nil, `{"n": %d, "text": "<é>"}`, *count))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprint("text-", *count))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(*count))
	case reflect.Uint8:
		v.SetUint(uint64(*count % 256))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), count)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(v.Index(i), count)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), count)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key, count)
		fill(value, count)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for _, field := range v.Fields() {
			fill(field, count)
		}
	default:
		panic("cannot fill a " + v.Type().String())
	}
}

// EveryField tests that a store returns every field of a stored value, also fields that are added later.
func EveryField(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"of a user": func(t *testing.T, s Stores) {
			want := Filled[domain.User]()
			want.Role = domain.RoleUser
			must(t, s.Users.Create(t.Context(), want, domain.Outbox{}))
			got, err := s.Users.Get(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		},
		"of a user who was changed": func(t *testing.T, s Stores) {
			want := Filled[domain.User]()
			want.Role = domain.RoleUser
			must(t, s.Users.Create(t.Context(), domain.User{ID: want.ID, UsernameKey: "other"}, domain.Outbox{}))
			_, err := s.Users.Update(t.Context(), want.ID, func(u *domain.User, _ *domain.Outbox) error {
				*u = want.Clone()
				return nil
			})
			must(t, err)
			got, err := s.Users.Get(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		},
		"of a session": func(t *testing.T, s Stores) {
			want := Filled[domain.Session]()
			must(t, s.Sessions.Create(t.Context(), want))
			got, err := s.Sessions.Get(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		},
		"of a session that was changed": func(t *testing.T, s Stores) {
			want := Filled[domain.Session]()
			must(t, s.Sessions.Create(t.Context(), domain.Session{ID: want.ID, UserID: want.UserID}))
			_, err := s.Sessions.Update(t.Context(), want.ID, func(x *domain.Session, _ *domain.Outbox) error {
				*x = want.Clone()
				return nil
			})
			must(t, err)
			got, err := s.Sessions.Get(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		},
		"of an API key": func(t *testing.T, s Stores) {
			want := Filled[domain.APIKey]()
			must(t, s.Keys.Create(t.Context(), want, domain.Outbox{}))
			got, err := s.Keys.Get(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		},
		"of a third-party token": func(t *testing.T, s Stores) {
			want := Filled[domain.ThirdPartyToken]()
			must(t, s.Tokens.Create(t.Context(), want, domain.Outbox{}))
			got, err := s.Tokens.Get(t.Context(), want.ID)
			must(t, err)
			same(t, got, want)
		},
		"of a role, a group and the settings": func(t *testing.T, s Stores) {
			role, group, settings := Filled[domain.Role](), Filled[domain.Group](), Filled[domain.Settings]()
			must(t, s.Roles.Create(t.Context(), role, domain.Outbox{}))
			must(t, s.Groups.Create(t.Context(), group, domain.Outbox{}))
			_, err := s.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
				*x = settings
				return nil
			})
			must(t, err)
			c := catalog(t, s)
			settings.Version = c.Settings.Version
			same(t, c.Role(role.ID), role)
			same(t, groupOf(c, group.ID), group)
			same(t, c.Settings, settings)
		},
		"of what was tried": func(t *testing.T, s Stores) {
			want := Filled[domain.Attempts]()
			must(t, s.Attempts.Update(t.Context(), "jane", epoch, func(a *domain.Attempts, _ *domain.Outbox) error {
				*a = want.Clone()
				return nil
			}))
			got, err := s.Attempts.Get(t.Context(), "jane")
			must(t, err)
			same(t, got, want)
		},
		"of a message": func(t *testing.T, s Stores) {
			want := Filled[domain.Message]()
			want.ExpiresAt = want.NextTry.Add(time.Hour)
			must(t, s.Users.Create(t.Context(), newUser(1), domain.Outbox{Messages: []domain.Message{want}}))
			got, err := s.Messages.ClaimMessages(t.Context(), want.NextTry, want.NextTry.Add(time.Second), 1)
			must(t, err)
			same(t, got, []domain.Message{want})
		},
		"of an audit segment": func(t *testing.T, s Stores) {
			want := Filled[auditformat.Segment]()
			restore(t, s, domain.ArchiveSegments, map[string]any{"": want})
			same(t, archived[auditformat.Segment](t, s, domain.ArchiveSegments), want)
		},
		"of an audit record": func(t *testing.T, s Stores) {
			want := fullRecord(t)
			for i, field := range reflect.ValueOf(want).Fields() {
				if field.IsZero() {
					t.Fatalf("the record has no %s: give it one", i.Name)
				}
			}
			restore(t, s, domain.ArchiveRecords, map[string]any{"1": want})
			same(t, archived[auditformat.Record](t, s, domain.ArchiveRecords), want)
		},
		"of a signing key and an idempotency record": func(t *testing.T, s Stores) {
			key, record := Filled[domain.SigningKey](), Filled[domain.IdempotencyRecord]()
			must(t, s.SigningKeys.PutSigningKeys(t.Context(), 0, []domain.SigningKey{key}, domain.Outbox{}))
			keys, err := s.SigningKeys.SigningKeys(t.Context())
			must(t, err)
			key.Version = 1
			same(t, keys, []domain.SigningKey{key})
			_, err = s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			got, err := s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			same(t, got, &record)
		},
	})
}

// archived returns the one thing of the kind that the store has.
func archived[T any](t *testing.T, s Stores, kind domain.ArchiveKind) T {
	t.Helper()
	page, err := s.Archive.ArchivePage(t.Context(), kind, "", 2)
	must(t, err)
	if len(page) != 1 {
		t.Fatalf("there are %d %s, want 1", len(page), kind)
	}
	thing, ok := page[0].Value.(T)
	if !ok {
		t.Fatalf("there is a %T among the %s", page[0].Value, kind)
	}
	return thing
}
