package faultstore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

type users struct {
	f *Faults
	ports.UserStore
}

func (x users) Create(ctx context.Context, user domain.User, out domain.Outbox) error {
	return x.f.call("UserStore.Create", func() error { return x.UserStore.Create(ctx, user, out) })
}

func (x users) Get(ctx context.Context, id domain.UserID) (domain.User, error) {
	return ask(x.f, "UserStore.Get", func() (domain.User, error) { return x.UserStore.Get(ctx, id) })
}

func (x users) FindByLogin(ctx context.Context, key string) (domain.User, error) {
	return ask(x.f, "UserStore.FindByLogin", func() (domain.User, error) { return x.UserStore.FindByLogin(ctx, key) })
}

func (x users) FindByEmail(ctx context.Context, key string) (domain.User, error) {
	return ask(x.f, "UserStore.FindByEmail", func() (domain.User, error) { return x.UserStore.FindByEmail(ctx, key) })
}

func (x users) FindBySubject(ctx context.Context, d domain.DirectoryID, subject domain.Subject) (domain.User, error) {
	return ask(x.f, "UserStore.FindBySubject", func() (domain.User,
		error,
	) {
		return x.UserStore.FindBySubject(ctx, d, subject)
	})
}

func (x users) Update(ctx context.Context, id domain.UserID, change ports.Change[domain.User]) (domain.User, error) {
	return ask(x.f, "UserStore.Update", func() (domain.User,
		error,
	) {
		return x.UserStore.Update(ctx, id, twice(change, (*domain.User).Clone))
	})
}

func (x users) Delete(ctx context.Context, id domain.UserID, out domain.Outbox) error {
	return x.f.call("UserStore.Delete", func() error { return x.UserStore.Delete(ctx, id, out) })
}

func (x users) List(ctx context.Context, query domain.UserQuery) (domain.UserPage, error) {
	return ask(x.f, "UserStore.List", func() (domain.UserPage, error) { return x.UserStore.List(ctx, query) })
}

type guard struct {
	f *Faults
	ports.AdminGuard
}

func (x guard) Members(ctx context.Context) ([]domain.UserID, error) {
	return ask(x.f, "AdminGuard.Members", func() ([]domain.UserID, error) { return x.AdminGuard.Members(ctx) })
}

func (x guard) Join(ctx context.Context, ids ...domain.UserID) error {
	return x.f.call("AdminGuard.Join", func() error { return x.AdminGuard.Join(ctx, ids...) })
}

func (x guard) Leave(ctx context.Context, ids ...domain.UserID) error {
	return x.f.call("AdminGuard.Leave", func() error { return x.AdminGuard.Leave(ctx, ids...) })
}

type sessions struct {
	f *Faults
	ports.SessionStore
}

func (x sessions) Create(ctx context.Context, session domain.Session) error {
	return x.f.call("SessionStore.Create", func() error { return x.SessionStore.Create(ctx, session) })
}

func (x sessions) Begin(ctx context.Context, session domain.Session, change ports.Change[domain.User]) (domain.User,
	error,
) {
	return ask(x.f, "SessionStore.Begin", func() (domain.User, error) {
		return x.SessionStore.Begin(ctx, session, twice(change, (*domain.User).Clone))
	})
}

func (x sessions) Get(ctx context.Context, id domain.SessionID) (domain.Session, error) {
	return ask(x.f, "SessionStore.Get", func() (domain.Session, error) { return x.SessionStore.Get(ctx, id) })
}

func (x sessions) Update(ctx context.Context, id domain.SessionID, change ports.Change[domain.Session]) (domain.Session,
	error,
) {
	return ask(x.f, "SessionStore.Update", func() (domain.Session, error) {
		return x.SessionStore.Update(ctx, id, twice(change, (*domain.Session).Clone))
	})
}

func (x sessions) ListByUser(ctx context.Context, id domain.UserID) ([]domain.Session, error) {
	return ask(x.f, "SessionStore.ListByUser", func() ([]domain.Session,
		error,
	) {
		return x.SessionStore.ListByUser(ctx, id)
	})
}

func (x sessions) ListByProvider(ctx context.Context, d domain.DirectoryID, subject domain.Subject,
	session string,
) ([]domain.Session, error) {
	return ask(x.f, "SessionStore.ListByProvider", func() ([]domain.Session,
		error,
	) {
		return x.SessionStore.ListByProvider(ctx, d, subject, session)
	})
}

func (x sessions) ListProviderGrants(ctx context.Context, before time.Time, limit int) ([]domain.Session, error) {
	return ask(x.f, "SessionStore.ListProviderGrants",
		func() ([]domain.Session, error) { return x.SessionStore.ListProviderGrants(ctx, before, limit) })
}

func (x sessions) Sweep(ctx context.Context, now time.Time, before time.Time, limit int) (int, error) {
	return ask(x.f, "SessionStore.Sweep", func() (int, error) { return x.SessionStore.Sweep(ctx, now, before, limit) })
}

type view struct {
	f *Faults
	ports.SessionView
}

func (x view) Lookup(ctx context.Context, id domain.SessionID) (domain.LiveSession, error) {
	return ask(x.f, "SessionView.Look", func() (domain.LiveSession, error) { return x.SessionView.Lookup(ctx, id) })
}

func (x view) Touch(ctx context.Context, id domain.SessionID, at time.Time) error {
	return x.f.call("SessionView.Touch", func() error { return x.SessionView.Touch(ctx, id, at) })
}

type logins struct {
	f *Faults
	ports.LoginView
}

func (x logins) LookupLogin(ctx context.Context, key string) (domain.LoginSnapshot, error) {
	return ask(x.f, "LoginView.LookupLogin", func() (domain.LoginSnapshot,
		error,
	) {
		return x.LoginView.LookupLogin(ctx, key)
	})
}

func (x logins) LookupSessions(ctx context.Context, ids ...domain.SessionID) ([]domain.Session, error) {
	return ask(x.f, "LoginView.LookupSessions", func() ([]domain.Session,
		error,
	) {
		return x.LoginView.LookupSessions(ctx, ids...)
	})
}

type keys struct {
	f *Faults
	ports.APIKeyStore
}

func (x keys) Create(ctx context.Context, key domain.APIKey, out domain.Outbox) error {
	return x.f.call("APIKeyStore.Create", func() error { return x.APIKeyStore.Create(ctx, key, out) })
}

func (x keys) Get(ctx context.Context, id domain.KeyID) (domain.APIKey, error) {
	return ask(x.f, "APIKeyStore.Get", func() (domain.APIKey, error) { return x.APIKeyStore.Get(ctx, id) })
}

func (x keys) Update(ctx context.Context, id domain.KeyID, change ports.Change[domain.APIKey]) (domain.APIKey, error) {
	return ask(x.f, "APIKeyStore.Update", func() (domain.APIKey, error) {
		return x.APIKeyStore.Update(ctx, id, twice(change, copied[domain.APIKey]))
	})
}

func (x keys) List(ctx context.Context, query domain.KeyQuery) (domain.KeyPage, error) {
	return ask(x.f, "APIKeyStore.List", func() (domain.KeyPage, error) { return x.APIKeyStore.List(ctx, query) })
}

type keyView struct {
	f *Faults
	ports.KeyView
}

func (x keyView) LookupKey(ctx context.Context, id domain.KeyID) (domain.LiveKey, error) {
	return ask(x.f, "KeyView.LookupKey", func() (domain.LiveKey, error) { return x.KeyView.LookupKey(ctx, id) })
}

func (x keyView) TouchKey(ctx context.Context, id domain.KeyID, at time.Time) error {
	return x.f.call("KeyView.TouchKey", func() error { return x.KeyView.TouchKey(ctx, id, at) })
}

// permissionSets is a store of roles or groups.
type permissionSets[ID, T any] struct {
	f    *Faults
	port string
	ports.PermissionSetStore[ID, T]
}

func (x permissionSets[ID, T]) Create(ctx context.Context, set T, out domain.Outbox) error {
	return x.f.call(x.port+".Create", func() error { return x.PermissionSetStore.Create(ctx, set, out) })
}

func (x permissionSets[ID, T]) Update(ctx context.Context, id ID, change ports.Change[T]) (T, error) {
	return ask(x.f, x.port+".Update", func() (T, error) {
		return x.PermissionSetStore.Update(ctx, id, twice(change, copied[T]))
	})
}

func (x permissionSets[ID, T]) Delete(ctx context.Context, id ID, out domain.Outbox) error {
	return x.f.call(x.port+".Delete", func() error { return x.PermissionSetStore.Delete(ctx, id, out) })
}

type settings struct {
	f *Faults
	ports.SettingsStore
}

func (x settings) UpdateSettings(ctx context.Context, change ports.Change[domain.Settings]) (domain.Settings, error) {
	return ask(x.f, "SettingsStore.UpdateSettings", func() (domain.Settings, error) {
		return x.SettingsStore.UpdateSettings(ctx, twice(change, copied[domain.Settings]))
	})
}

type catalog struct {
	f *Faults
	ports.CatalogView
}

func (x catalog) Catalog(ctx context.Context) (*domain.Catalog, error) {
	return ask(x.f, "CatalogView.Catalog", func() (*domain.Catalog, error) { return x.CatalogView.Catalog(ctx) })
}

func (x catalog) CatalogAt(ctx context.Context, version int64) (*domain.Catalog, error) {
	return ask(x.f, "CatalogView.CatalogAt", func() (*domain.Catalog,
		error,
	) {
		return x.CatalogView.CatalogAt(ctx, version)
	})
}

type attempts struct {
	f *Faults
	ports.AttemptStore
}

func (x attempts) Update(ctx context.Context, account string, now time.Time,
	change ports.Change[domain.Attempts],
) error {
	return x.f.call("AttemptStore.Update", func() error {
		return x.AttemptStore.Update(ctx, account, now, twice(change, (*domain.Attempts).Clone))
	})
}

func (x attempts) Get(ctx context.Context, account string) (domain.Attempts, error) {
	return ask(x.f, "AttemptStore.Get", func() (domain.Attempts, error) { return x.AttemptStore.Get(ctx, account) })
}

func (x attempts) List(ctx context.Context, accounts ...string) (map[string]domain.Attempts, error) {
	return ask(x.f, "AttemptStore.List", func() (map[string]domain.Attempts, error) {
		return x.AttemptStore.List(ctx, accounts...)
	})
}

type rates struct {
	f *Faults
	ports.RateLimiter
}

func (x rates) Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error) {
	return ask(x.f, "RateLimiter.Take", func() (domain.RateState,
		error,
	) {
		return x.RateLimiter.Take(ctx, key, rate, now)
	})
}

func (x rates) Release(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState,
	error,
) {
	return ask(x.f, "RateLimiter.Release", func() (domain.RateState,
		error,
	) {
		return x.RateLimiter.Release(ctx, key, rate, taken, now)
	})
}

type once struct {
	f *Faults
	ports.SingleUseStore
}

func (x once) Put(ctx context.Context, key string, value []byte, expires time.Time) error {
	return x.f.call("SingleUseStore.Put", func() error { return x.SingleUseStore.Put(ctx, key, value, expires) })
}

func (x once) Consume(ctx context.Context, key string, now time.Time) ([]byte, error) {
	return ask(x.f, "SingleUseStore.Consume", func() ([]byte, error) { return x.SingleUseStore.Consume(ctx, key, now) })
}

type decoys struct {
	f *Faults
	ports.DecoyStore
}

func (x decoys) WriteDecoy(ctx context.Context, entry *domain.AuditEntry, m domain.Message, expires time.Time) error {
	return x.f.call("DecoyStore.WriteDecoy", func() error { return x.DecoyStore.WriteDecoy(ctx, entry, m, expires) })
}

type idempotency struct {
	f *Faults
	ports.IdempotencyStore
}

func (x idempotency) Begin(ctx context.Context, record domain.IdempotencyRecord) (*domain.IdempotencyRecord, error) {
	return ask(x.f, "IdempotencyStore.Begin", func() (*domain.IdempotencyRecord,
		error,
	) {
		return x.IdempotencyStore.Begin(ctx, record)
	})
}

func (x idempotency) Complete(ctx context.Context, record domain.IdempotencyRecord) error {
	return x.f.call("IdempotencyStore.Complete", func() error { return x.IdempotencyStore.Complete(ctx, record) })
}

func (x idempotency) Abandon(ctx context.Context, key string) error {
	return x.f.call("IdempotencyStore.Abandon", func() error { return x.IdempotencyStore.Abandon(ctx, key) })
}
