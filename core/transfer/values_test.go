package transfer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/transfer"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

// sparse fills a value of which every text, list, map and pointer is absent, empty or filled.
func sparse(v reflect.Value, random *rand.Rand, n int) {
	choice := random.IntN(3)
	switch v.Interface().(type) {
	case time.Time:
		if choice > 0 {
			v.Set(reflect.ValueOf(kit.Noon.Add(time.Duration(random.IntN(1000)) * time.Nanosecond)))
		}
		return
	case json.RawMessage:
		if choice > 0 {
			v.SetBytes([]byte([]string{"", `{}`, `{"text":""}`}[choice]))
		}
		return
	}
	switch v.Kind() {
	case reflect.String:
		if choice > 0 {
			v.SetString(fmt.Sprint("text-", n))
		}
	case reflect.Bool:
		v.SetBool(choice > 0)
	case reflect.Int, reflect.Int64, reflect.Uint8:
		v.Set(reflect.ValueOf(choice).Convert(v.Type()))
	case reflect.Pointer:
		if choice > 0 {
			v.Set(reflect.New(v.Type().Elem()))
		}
		if choice > 1 {
			sparse(v.Elem(), random, n)
		}
	case reflect.Slice:
		if choice > 0 {
			v.Set(reflect.MakeSlice(v.Type(), choice-1, choice-1))
		}
		for i := range v.Len() {
			sparse(v.Index(i), random, n)
		}
	case reflect.Array:
		for i := range v.Len() {
			sparse(v.Index(i), random, n)
		}
	case reflect.Map:
		sparseMap(v, random, n, choice)
	case reflect.Struct:
		for _, field := range v.Fields() {
			sparse(field, random, n)
		}
	default:
		panic("cannot fill a " + v.Type().String())
	}
}

func sparseMap(v reflect.Value, random *rand.Rand, n, choice int) {
	if choice == 0 {
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	if choice > 1 {
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		sparse(key, random, n)
		sparse(value, random, n)
		v.SetMapIndex(key, value)
	}
}

func sparseOf[T any](random *rand.Rand, n int) T {
	var value T
	sparse(reflect.ValueOf(&value).Elem(), random, n)
	return value
}

// fillSparsely stores values of every kind, as a copy does. The keys are set, since no record is without one.
func fillSparsely(t *testing.T, to ports.Storage, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	for n := range 24 {
		id := fmt.Sprintf("%04d", n)
		user := sparseOf[domain.User](random, n)
		user.ID, user.UsernameKey, user.Role = domain.UserID("usr_"+id), "name-"+id, domain.RoleUser
		if user.EmailKey != "" {
			user.EmailKey = id + "@example.org"
		}
		must(t, to.Users.Create(t.Context(), user, domain.Outbox{}))
		session := sparseOf[domain.Session](random, n)
		session.ID, session.UserID = domain.SessionID("sess_"+id), user.ID
		if session.Provider.Directory == "" {
			session.Provider = domain.ProviderSession{}
		}
		must(t, to.Sessions.Create(t.Context(), session))
		key := sparseOf[domain.APIKey](random, n)
		key.ID, key.UserID = domain.KeyID("key_"+id), user.ID
		must(t, to.Keys.Create(t.Context(), key, domain.Outbox{}))
		token := sparseOf[domain.ThirdPartyToken](random, n)
		token.ID, token.Role = "tpt_"+id, domain.RoleUser
		must(t, to.Tokens.Create(t.Context(), token, domain.Outbox{}))
		role, group := sparseOf[domain.Role](random, n), sparseOf[domain.Group](random, n)
		role.ID, group.ID, group.Name = domain.RoleID("role_"+id), domain.GroupID("grp_"+id), id
		role.Identifier, group.NameKey = id, ""
		must(t, to.Roles.Create(t.Context(), role, domain.Outbox{}))
		must(t, to.Groups.Create(t.Context(), group, domain.Outbox{}))
		restoreSparsely(t, to, random, n, id)
	}
	_, err := to.Settings.UpdateSettings(t.Context(), func(x *domain.Settings, _ *domain.Outbox) error {
		version := x.Version
		*x = sparseOf[domain.Settings](random, 0)
		x.Version = version
		return nil
	})
	must(t, err)
}

// restoreSparsely stores the kinds that expire, and audit entries.
func restoreSparsely(t *testing.T, to ports.Storage, random *rand.Rand, n int, id string) {
	t.Helper()
	later := kit.Noon.Add(time.Hour)
	attempts := sparseOf[domain.Attempts](random, n)
	attempts.LockedUntil = later
	message := sparseOf[domain.Message](random, n)
	message.ID, message.ExpiresAt = domain.MessageID("msg_"+id), later
	answer := sparseOf[domain.IdempotencyRecord](random, n)
	answer.Key, answer.ExpiresAt = id, later
	once := sparseOf[domain.StoredSingleUse](random, n)
	once.ExpiresAt = later
	rate := sparseOf[domain.StoredRate](random, n)
	rate.Until = later
	for i := range rate.Window.Taken {
		rate.Window.Taken[i] = kit.Noon
	}
	for kind, value := range map[domain.ArchiveKind]any{
		domain.ArchiveAttempts: attempts, domain.ArchiveMessages: message, domain.ArchiveAnswers: answer,
		domain.ArchiveOnce: once, domain.ArchiveRates: rate, domain.ArchiveRecords: sparseRecord(t, random, n, id),
	} {
		must(t, to.Archive.Restore(t.Context(), kind, []domain.Archived{{Key: id, Value: value}}))
	}
}

func sparseRecord(t *testing.T, random *rand.Rand, n int, id string) auditformat.Record {
	t.Helper()
	entry := domain.AuditEntry{
		ID: domain.LogID("log_" + id), Time: kit.Noon.Add(time.Duration(n) * time.Second), Action: domain.ActionLogin,
		UserID: sparseOf[string](random, n), RequestID: sparseOf[string](random, n),
		Target: sparseOf[string](random, n), IPAddress: sparseOf[string](random, n), UserAgent: sparseOf[string](random, n),
		Details: map[string]any{}, Personal: map[string]any{"username": sparseOf[string](random, n)},
	}
	if random.IntN(2) > 0 {
		entry.Details, entry.Personal = nil, nil
	}
	salt := make([]byte, auditformat.SaltLength)
	record, err := auditformat.NewRecord(entry, salt, salt)
	must(t, err)
	record.Seq = int64(n) + 1
	if random.IntN(4) == 0 {
		record.EraseActor()
		record.ErasePersonal()
	}
	return record
}

// TestCopyPreservesEmptyValues copies records whose members are absent, empty or filled from each store to the other
// and back, and compares what the stores return, byte for byte.
func TestCopyPreservesEmptyValues(t *testing.T) {
	t.Parallel()
	server := mongod.Shared(t)
	shared := func(t *testing.T, clock ports.Clock) ports.Storage {
		t.Helper()
		s, err := mongostore.Open(t.Context(), mongostore.Config{
			URI: server.URI(), Database: server.Database(t), Clock: clock, NoTTL: true, Timeout: time.Minute,
		})
		must(t, err)
		t.Cleanup(func() { must(t, s.Close(context.Background())) })
		return s.Ports()
	}
	embedded := func(t *testing.T, _ ports.Clock) ports.Storage { t.Helper(); return kit.New(t).Store.Ports() }
	for name, open := range map[string][2]func(*testing.T, ports.Clock) ports.Storage{
		"from the embedded store": {embedded, shared},
		"from MongoDB":            {shared, embedded},
	} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%s, %d", name, seed), func(t *testing.T) {
				t.Parallel()
				clock := kit.New(t).Clock
				from, to, back := open[0](t, clock), open[1](t, clock), open[0](t, clock)
				fillSparsely(t, from, seed)
				for _, copied := range [][2]ports.Storage{{from, to}, {to, back}} {
					_, err := transfer.Copy(t.Context(), copied[0], copied[1], clock, func(domain.ArchiveKind, int64, int64) {})
					must(t, err)
					identical(t, copied[0], copied[1])
				}
			})
		}
	}
}

// present are the members whose absence is not the same as an empty value: a response, a value, and what an erasure
// removes.
var present = []string{"Value.Answer", "Value.Value", "Value.Personal", "Value.PersonalSalt", "Value.ActorSalt"}

// identical compares what two stores return. Only an empty list is the same as an absent one.
func identical(t *testing.T, want, got ports.Storage) {
	t.Helper()
	before, err := want.Catalog.Catalog(t.Context())
	must(t, err)
	after, err := got.Catalog.Catalog(t.Context())
	must(t, err)
	was, is := contentOf(before), contentOf(after)
	is.Settings.Version = was.Settings.Version
	lists := cmp.FilterPath(func(p cmp.Path) bool { return !slices.Contains(present, p.String()) }, cmpopts.EquateEmpty())
	found := differences{members: map[string]string{}}
	cmp.Equal(everything(t, want), everything(t, got), lists, cmp.Reporter(&found))
	cmp.Equal(was, is, lists, cmp.Reporter(&found))
	for member, example := range found.members {
		t.Errorf("the copy differs in %s: %s", member, example)
	}
}

// differences collects the members that differ, with an example of each.
type differences struct {
	path    cmp.Path
	members map[string]string
}

func (d *differences) PushStep(step cmp.PathStep) { d.path = append(d.path, step) }
func (d *differences) PopStep()                   { d.path = d.path[:len(d.path)-1] }
func (d *differences) Report(r cmp.Result) {
	if !r.Equal() {
		want, got := d.path.Last().Values()
		d.members[d.path.String()] = fmt.Sprintf("%#v became %#v", want, got)
	}
}
