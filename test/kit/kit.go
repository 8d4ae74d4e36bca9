// Package kit sets up the environment of core tests: the real embedded store in a temporary folder, a clock that only
// moves on request, and the small adapters around them.
package kit

import (
	"context"
	"math"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/casefold"
	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/ulidgen"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/notify"
)

// Noon is the initial time of the clock of a new kit.
var Noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// Clock returns a fixed time. It is safe for concurrent use.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now returns the time of the clock.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// Forward moves the clock; a negative d moves it back.
func (c *Clock) Forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// Kit is an installation for one test.
type Kit struct {
	Dir         string
	Store       *sqlitestore.Store
	Clock       *Clock
	IDs         *ulidgen.Generator
	KEK         keyring.Key
	Sealer      *keyring.Sealer
	CaseFolder  casefold.CaseFolder
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
}

// Setup is the initial state of a kit.
type Setup struct {
	Dir string // the data directory
	Now time.Time
	KEK keyring.Key
}

// New returns a kit on an empty data directory. It is closed at the end of the test.
func New(tb testing.TB) *Kit {
	tb.Helper()
	return Open(tb, Setup{Dir: tb.TempDir(), Now: Noon, KEK: keyring.NewKey()})
}

// Open returns a kit that is closed at the end of the test.
func Open(tb testing.TB, setup Setup) *Kit {
	tb.Helper()
	k := &Kit{Dir: setup.Dir, Clock: &Clock{now: setup.Now}, KEK: setup.KEK}
	k.IDs = ulidgen.New(k.Clock)
	var err error
	if k.Sealer, err = keyring.NewSealer([]keyring.Key{k.KEK}); err != nil {
		tb.Fatal(err)
	}
	if k.Store, err = sqlitestore.Open(context.Background(), sqlitestore.Config{Dir: k.Dir, Clock: k.Clock}); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := k.Store.Close(context.Background()); err != nil {
			tb.Error(err)
		}
	})
	marker, err := audit.NewSigner(k.Store.Audit(), k.Sealer).Marker(context.Background())
	if err != nil {
		tb.Fatal(err)
	}
	k.Store.MarkEntries(marker)
	k.AuditWriter = audit.NewWriter(k.IDs, k.Clock, k.Store.Audit())
	k.Emails = notify.NewEmailBuilder(linkpages.Identity("https://id.example.com"), k.Sealer, k.IDs, k.Clock)
	return k
}

// Origin is the origin of the requests of the kit's principals.
var Origin = domain.Origin{Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "kit/1.0", RequestID: "req-kit"}

// User stores an active user of the built-in directory with the role.
func (k *Kit) User(tb testing.TB, name string, role domain.RoleID, groups ...domain.GroupID) domain.User {
	tb.Helper()
	key := k.CaseFolder.Fold(name)
	user := domain.User{
		ID: domain.UserID(k.IDs.NewID(domain.UserPrefix)), Username: name, UsernameKey: key,
		Email: name + "@example.com", EmailKey: key + "@example.com", EmailVerified: true,
		Person:     domain.Person{FullName: "Ms " + name},
		SearchText: key + "\n" + key + "@example.com\nms " + key, Role: role, Groups: groups, Status: domain.StatusActive,
		Directory: "local", CreatedAt: k.Clock.Now(), UpdatedAt: k.Clock.Now(),
	}
	if err := k.Store.Users().Create(tb.Context(), user, domain.Outbox{}); err != nil {
		tb.Fatal(err)
	}
	return user
}

// As returns the principal of the user, signed in at the current time, with their current permissions.
func (k *Kit) As(tb testing.TB, user domain.User) domain.Principal {
	tb.Helper()
	catalog, err := k.Store.CatalogStore().Catalog(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return domain.Principal{
		Kind: domain.PrincipalUser, UserID: user.ID, Username: user.Username, Role: user.Role,
		Level:  catalog.Role(user.Role).Level,
		Grants: catalog.Grants(&user), AuthTime: k.Clock.Now(), Origin: Origin,
	}
}

// Entries returns the whole audit log in the order in which it was written.
func (k *Kit) Entries(tb testing.TB) []domain.AuditEntry {
	tb.Helper()
	var entries []domain.AuditEntry
	err := k.Store.Audit().Records(tb.Context(), math.MinInt64, math.MaxInt64, domain.AuditQuery{},
		func(r *auditformat.Record) error {
			e, err := r.Entry()
			entries = append(entries, e)
			return err
		})
	if err != nil {
		tb.Fatal(err)
	}
	return entries
}

// Actions returns the actions of the entries.
func Actions(entries []domain.AuditEntry) []domain.Action {
	var actions []domain.Action
	for _, e := range entries {
		actions = append(actions, e.Action)
	}
	return actions
}
