package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/transfer"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

// openMongo opens a store on MongoDB.
func openMongo(t *testing.T, clock ports.Clock) *mongostore.Store {
	t.Helper()
	server := mongod.Shared(t)
	s, err := mongostore.Open(t.Context(), mongostore.Config{
		// the machine may be busy
		URI: server.URI(), Database: server.Database(t), Clock: clock, NoTTL: true, Timeout: time.Minute,
	})
	must(t, err)
	t.Cleanup(func() { must(t, s.Close(context.Background())) })
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

const people = 250 // more than a page

// populate fills a store with records of every kind.
func populate(t *testing.T, k *kit.Kit) {
	t.Helper()
	ctx, catalog := t.Context(), k.Store.CatalogStore()
	must(t, k.Store.Roles().Create(ctx, domain.Role{
		ID: "staff", Identifier: "0badcafe", Name: "Staff",
		Permissions: []domain.Permission{"bots.use"}, CreatedAt: kit.Noon,
	}, domain.Outbox{}))
	must(t, k.Store.Groups().Create(ctx, domain.Group{
		ID: "grp_1", Name: "Ops",
		Permissions: []domain.Permission{"bots.run"}, CreatedAt: kit.Noon,
	}, domain.Outbox{}))
	_, err := catalog.UpdateSettings(ctx, func(x *domain.Settings,
		_ *domain.Outbox,
	) error {
		x.Session.MaxSessions = 7
		return nil
	})
	must(t, err)
	for i := range people {
		u := k.User(t, fmt.Sprintf("user%03d", i), "staff", "grp_1")
		session := domain.Session{
			ID: domain.SessionID(k.IDs.NewID(domain.SessionPrefix)), UserID: u.ID, Kind: domain.SessionLogin,
			CreatedAt:    kit.Noon,
			LastActivity: kit.Noon, ExpiresAt: kit.Noon.Add(time.Hour),
			Refresh: domain.RefreshFamily{Key: []byte("sealed"), Counter: 3},
		}
		must(t, k.Store.Sessions().Create(ctx, session))
		_, err := k.Store.Users().Update(ctx, u.ID, func(u *domain.User, out *domain.Outbox) error {
			u.Sessions = append(u.Sessions, domain.SessionRef{ID: session.ID, ExpiresAt: session.ExpiresAt})
			out.Record(k.AuditWriter.Entry(kit.From("192.0.2.1"), domain.ActionLogin, string(u.ID),
				audit.Personal("username", u.Username)))
			out.Send(domain.Message{
				ID: domain.MessageID(k.IDs.NewID(domain.MessagePrefix)), Channel: domain.ChannelMail,
				UserID: u.ID, Payload: []byte("sealed"), CreatedAt: kit.Noon, NextTry: kit.Noon,
			})
			return nil
		})
		must(t, err)
		must(t, k.Store.Keys().Create(ctx, domain.APIKey{
			ID: domain.KeyID(k.IDs.NewID(domain.KeyPrefix)), UserID: u.ID,
			Name: "ci", Digest: []byte("d"), CreatedAt: kit.Noon, RevokedAt: kit.Noon,
		}, domain.Outbox{}))
		must(t, k.Store.AttemptStore().Update(ctx, "user:"+string(u.ID), kit.Noon,
			func(a *domain.Attempts, _ *domain.Outbox) error {
				a.Failures = append(a.Failures, domain.Attempt{ID: "1", Source: "192.0.2.1", At: kit.Noon})
				return nil
			}))
		must(t, k.Store.AdminGuard().Join(ctx, u.ID))
		rememberShortly(t, k, u.ID)
		if i%50 == 49 {
			seal(t, k)
		}
	}
	collide(t, k)
	must(t, k.Store.Tokens().Create(ctx, domain.ThirdPartyToken{ID: "tpt1", Role: "staff", CreatedAt: kit.Noon},
		domain.Outbox{}))
	must(t, k.Store.SigningKeyStore().PutSigningKeys(ctx, 0,
		[]domain.SigningKey{{
			ID: "key1", Algorithm: "EdDSA", State: domain.KeyActive, Private: []byte("sealed"),
			CreatedAt: kit.Noon,
		}}, domain.Outbox{}))
	must(t, k.AuditWriter.Write(ctx, k.AuditWriter.Entry(domain.Operator(), domain.ActionImport, "x"),
		k.AuditWriter.Entry(domain.Operator(), domain.ActionImport, "y")))
}

// collide stores names that collide, from before that was refused.
func collide(t *testing.T, k *kit.Kit) {
	t.Helper()
	must(t, k.Store.Groups().Create(t.Context(), domain.Group{ID: "grp_2", Name: "ops", CreatedAt: kit.Noon},
		domain.Outbox{}))
	owner, squatter := k.User(t, "owner", domain.RoleUser), k.User(t, "squatter", domain.RoleUser)
	must(t, k.Store.Users().Delete(t.Context(), squatter.ID, domain.Outbox{}))
	squatter.Username, squatter.UsernameKey = owner.Email, owner.EmailKey
	must(t, k.Store.Restore(t.Context(), domain.ArchiveUsers,
		[]domain.Archived{{Key: string(squatter.ID), Value: squatter}}))
}

// expired is the key of a record that has expired when the copy begins.
const expired = "expired"

var limit = domain.Rate{Limit: 2, Window: time.Hour}

// rememberShortly stores records with an expiry of their own.
func rememberShortly(t *testing.T, k *kit.Kit, id domain.UserID) {
	t.Helper()
	g := k.Store.Ports()
	must(t, g.SingleUse.Put(t.Context(), "flow:"+string(id), []byte(id), kit.Noon.Add(time.Minute)))
	for range 2 {
		_, err := g.Rates.Take(t.Context(), "reset:"+string(id), limit, kit.Noon)
		must(t, err)
	}
	answer := domain.IdempotencyRecord{
		Key: "call:" + string(id), Digest: []byte("d"), StartedAt: kit.Noon,
		ExpiresAt: kit.Noon.Add(24 * time.Hour), Answer: []byte("sealed"),
	}
	_, err := g.Idempotency.Begin(t.Context(), answer)
	must(t, err)
	must(t, g.Idempotency.Complete(t.Context(), answer))
	if err := g.SingleUse.Put(t.Context(), expired, nil, kit.Noon.Add(-time.Second)); err != nil &&
		!errors.Is(err, fault.ErrConflict) {
		t.Fatal(err)
	}
}

// remembers checks the copy by its behavior: a used-up rate limit is still exceeded, a single-use record can be taken
// once, a repeated request gets the stored response.
func remembers(t *testing.T, g ports.Storage, id domain.UserID) {
	t.Helper()
	if state, err := g.Rates.Take(t.Context(), "reset:"+string(id), limit, kit.Noon); err != nil || state.Allowed {
		t.Errorf("a used-up limit allows another take: %+v, %v", state, err)
	}
	for i, want := range []error{nil, fault.ErrNotFound} {
		if _, err := g.SingleUse.Consume(t.Context(), "flow:"+string(id), kit.Noon); !errors.Is(err, want) {
			t.Errorf("take %d = %v, want %v", i+1, err, want)
		}
	}
	first, err := g.Idempotency.Begin(t.Context(), domain.IdempotencyRecord{
		Key: "call:" + string(id), Digest: []byte("d"),
		StartedAt: kit.Noon, ExpiresAt: kit.Noon.Add(time.Hour),
	})
	if err != nil || first == nil || string(first.Answer) != "sealed" {
		t.Errorf("a repeated call finds %+v, %v", first, err)
	}
	if _, err := g.SingleUse.Consume(t.Context(), expired, kit.Noon.Add(-time.Hour)); !errors.Is(err, fault.ErrNotFound) {
		t.Errorf("an expired record was copied: %v", err)
	}
}

func seal(t *testing.T, k *kit.Kit) {
	t.Helper()
	_, err := audit.NewSequencer(k.Store.Audit(), audit.NewSigner(k.Store.Audit(), k.Sealer), k.Clock).Seal(t.Context())
	must(t, err)
}

// everything reads a whole store.
func everything(t *testing.T, side ports.Storage) map[domain.ArchiveKind][]domain.Archived {
	t.Helper()
	all := map[domain.ArchiveKind][]domain.Archived{}
	for _, kind := range domain.ArchiveKinds {
		for after := ""; ; {
			page, err := side.Archive.ArchivePage(t.Context(), kind, after, 97)
			must(t, err)
			if len(page) == 0 {
				break
			}
			all[kind] = append(all[kind], page...)
			after = page[len(page)-1].Key
		}
	}
	return all
}

// content is what a catalog contains.
type content struct {
	Settings domain.Settings
	Roles    map[domain.RoleID]domain.Role
	Groups   map[domain.GroupID]domain.Group
}

func contentOf(c *domain.Catalog) content {
	all := content{c.Settings, map[domain.RoleID]domain.Role{}, map[domain.GroupID]domain.Group{}}
	for role := range c.Roles.All() {
		all.Roles[role.ID] = role
	}
	for group := range c.Groups.All() {
		all.Groups[group.ID] = group
	}
	return all
}

func same(t *testing.T, want, got ports.Storage) {
	t.Helper()
	if diff := cmp.Diff(everything(t, want), everything(t, got), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the copy differs (-want +got):\n%.4000s", diff)
	}
	before, err := want.Catalog.Catalog(t.Context())
	must(t, err)
	after, err := got.Catalog.Catalog(t.Context())
	must(t, err)
	versions := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Version" }, cmp.Ignore())
	if diff := cmp.Diff(contentOf(before), contentOf(after), versions, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("roles, groups or settings differ (-want +got):\n%s", diff)
	}
	mine, err := want.Guard.Members(t.Context())
	must(t, err)
	theirs, err := got.Guard.Members(t.Context())
	must(t, err)
	if diff := cmp.Diff(mine, theirs); diff != "" {
		t.Errorf("the guard differs (-want +got):\n%s", diff)
	}
}

func proves(t *testing.T, proofs ports.AuditProofs, seals ports.AuditSealStore, k *kit.Kit, sealed int64,
	unsealed int,
) {
	t.Helper()
	report, err := audit.NewStoreVerifier(proofs, seals, audit.NewSigner(seals, k.Sealer)).Verify(t.Context(),
		audit.Trust{})
	must(t, err)
	waiting, err := seals.Unsealed(t.Context(), 100)
	must(t, err)
	if report.Finding != nil || report.Last != sealed || len(waiting) != unsealed || report.Unsealed != int64(unsealed) {
		t.Errorf("the log ends with %d and %d (reported: %d) unsealed, damage %+v; want %d and %d", report.Last, len(waiting),
			report.Unsealed, report.Finding, sealed, unsealed)
	}
}

func TestCopyToMongoDBAndBack(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	populate(t, k)
	shared := openMongo(t, k.Clock)
	_, err := transfer.Copy(t.Context(), k.Store.Ports(), shared.Ports(), k.Clock,
		func(domain.ArchiveKind, int64, int64) {})
	must(t, err)
	same(t, k.Store.Ports(), shared.Ports())
	proves(t, shared.Audit(), shared.Audit(), k, people, 2)

	// The copy continues the same log, including entries that were written and not sealed before.
	signer := audit.NewSigner(shared.Audit(), k.Sealer)
	_, err = audit.NewSequencer(shared.Audit(), signer, k.Clock).Seal(t.Context())
	must(t, err)
	marker, err := signer.Marker(t.Context())
	must(t, err)
	shared.MarkEntries(marker)
	must(t, shared.Audit().Append(t.Context(), k.AuditWriter.Entry(domain.Operator(), domain.ActionImport, "z")))
	proves(t, shared.Audit(), shared.Audit(), k, people+2, 1)

	back := kit.New(t)
	counts, err := transfer.Copy(t.Context(), shared.Ports(), back.Store.Ports(), k.Clock,
		func(domain.ArchiveKind, int64, int64) {})
	must(t, err)
	if len(counts) != len(domain.ArchiveKinds) {
		t.Errorf("%d kinds were counted", len(counts))
	}
	same(t, shared.Ports(), back.Store.Ports())
	proves(t, back.Store.Audit(), back.Store.Audit(), k, people+2, 1)

	page, err := shared.ArchivePage(t.Context(), domain.ArchiveUsers, "", 1)
	must(t, err)
	id := domain.UserID(page[0].Key)
	remembers(t, shared.Ports(), id)
	remembers(t, back.Store.Ports(), id)
}

func TestInterruptedCopyResumes(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	populate(t, k)
	shared := openMongo(t, k.Clock)
	for _, kind := range domain.ArchiveKinds {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := transfer.Copy(ctx, k.Store.Ports(), shared.Ports(), k.Clock, func(at domain.ArchiveKind, _, _ int64) {
			if at == kind {
				cancel()
			}
		})
		cancel()
		if err == nil {
			t.Errorf("a copy broken off in the midst of %s ended well", kind)
		}
	}
	_, err := transfer.Copy(t.Context(), k.Store.Ports(), shared.Ports(), k.Clock,
		func(domain.ArchiveKind, int64, int64) {})
	must(t, err)
	same(t, k.Store.Ports(), shared.Ports())
	proves(t, shared.Audit(), shared.Audit(), k, people, 2)
}

func TestCopyIntoANonEmptyStoreFails(t *testing.T) {
	t.Parallel()
	k, other := kit.New(t), kit.New(t)
	k.User(t, "ada", domain.RoleUser)
	other.User(t, "zoe", domain.RoleUser)
	_, err := transfer.Copy(t.Context(), k.Store.Ports(), other.Store.Ports(), k.Clock,
		func(domain.ArchiveKind, int64, int64) {})
	if err == nil || !errors.Is(err, transfer.ErrIncomplete) && !errors.Is(err, domain.ErrUserExists) {
		t.Errorf("Copy = %v, want a refusal", err)
	}
}
