package apikey

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/ports"
)

// MaxLife is the maximum lifetime of a key.
const MaxLife = 3650 * 24 * time.Hour

// Service creates, lists, revokes and authenticates API keys.
type Service struct{ deps Deps }

// Deps holds the dependencies of a Service.
type Deps struct {
	Keys        ports.APIKeyStore
	View        ports.KeyView
	Users       ports.UserStore
	Catalog     ports.CatalogView
	Limits      ports.RateLimiter
	IDs         ports.IDs
	Clock       ports.Clock
	AuditWriter *audit.Writer
	Emails      *notify.EmailBuilder
	Rate        domain.Rate   // of the keys created for one user
	Life        time.Duration // of a key without an end of its own
}

// New returns a Service.
func New(d Deps) *Service { return &Service{deps: d} }

// CreateInput is the input of Create. ExpiresAt is at most MaxLife ahead; without it a key lives for the configured
// time.
type CreateInput struct {
	Name        string
	Permissions []string
	ExpiresAt   time.Time
}

// Created is a new key with its text, which cannot be read again.
type Created struct {
	domain.APIKey
	Text string
	Rate domain.RateState
}

// Create creates a key for the owner: the principal's own user, or another user with api_keys.manage. The owner must
// hold its permissions (fault.ErrForbidden), and the principal must be allowed to grant them. The owner is notified by
// email. More keys than the rate allows are fault.ErrRateLimited. If the settings require a recent proof of identity, a
// principal without one, including an API key, gets domain.ErrReauthentication.
func (s *Service) Create(ctx context.Context, by domain.Principal, owner domain.UserID, in CreateInput) (Created,
	error,
) {
	catalog, user, err := s.creatableOwner(ctx, by, owner)
	if err != nil {
		return Created{}, err
	}
	now := s.deps.Clock.Now().UTC()
	permissions, err := check(in, now)
	if err != nil {
		return Created{}, err
	}
	if err := checkGrant(catalog, by, &user, permissions); err != nil {
		return Created{}, err
	}
	if err := by.RequireRecent(catalog.Settings.Session, now); err != nil {
		return Created{}, err
	}
	state, err := ports.Take(ctx, s.deps.Limits, "api_keys:"+string(owner), s.deps.Rate, now)
	if err != nil {
		return Created{Rate: state}, err
	}
	created, err := s.create(ctx, by, &user, in, permissions)
	created.Rate = state
	return created, err
}

func (s *Service) create(ctx context.Context, by domain.Principal, owner *domain.User, in CreateInput,
	permissions []domain.Permission,
) (Created, error) {
	now := s.deps.Clock.Now().UTC()
	id := domain.KeyID(s.deps.IDs.NewID(domain.KeyPrefix))
	text := opaquetoken.New(opaquetoken.APIKey, id)
	key := domain.APIKey{
		ID: id, UserID: owner.ID, Name: in.Name, Prefix: opaquetoken.Displayed(text), Digest: opaquetoken.Digest(text),
		Permissions: permissions,
		Epoch:       owner.KeyEpoch, CreatedAt: now, ExpiresAt: in.ExpiresAt.UTC(),
	}
	if in.ExpiresAt.IsZero() {
		key.ExpiresAt = now.Add(s.deps.Life)
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionAPIKeyCreate, string(id),
		audit.Detail("owner_id", string(owner.ID)), audit.Detail("permissions", domain.Texts[string](permissions)),
		audit.Detail("expires_at", key.ExpiresAt.Format(time.RFC3339)), audit.Personal("name", in.Name)))
	notices, err := s.deps.Emails.KeyCreated(*owner, key.Name, by)
	if err != nil {
		return Created{}, err
	}
	out.Send(notices...)
	if err := s.deps.Keys.Create(ctx, key, out); err != nil {
		return Created{}, err
	}
	return Created{APIKey: key, Text: text}, nil
}

// check validates the input and returns its permissions.
func check(in CreateInput, now time.Time) ([]domain.Permission, error) {
	if err := domain.Limits.APIKeyName.CheckPrintable("name", in.Name); err != nil {
		return nil, err
	}
	if len(in.Permissions) == 0 {
		return nil, fault.ErrInvalid.About("permissions", "must hold at least one permission")
	}
	permissions, err := domain.ParseGrantedPermissions(in.Permissions)
	if err != nil {
		return nil, err
	}
	for _, p := range permissions {
		// A pattern would also cover permissions that its owner is granted later.
		if strings.HasSuffix(string(p), "*") {
			return nil, fault.ErrInvalid.About("permissions", "must name each permission; patterns are for roles and groups")
		}
	}
	if in.ExpiresAt.IsZero() {
		return permissions, nil
	}
	if !in.ExpiresAt.After(now) || in.ExpiresAt.After(now.Add(MaxLife)) {
		return nil, fault.ErrInvalid.About("expires_at", "must be in the future and at most 3650 days ahead")
	}
	return permissions, nil
}

// creatableOwner returns the user if the principal may create keys for it, for any permissions of the key.
func (s *Service) creatableOwner(
	ctx context.Context, by domain.Principal, id domain.UserID,
) (*domain.Catalog, domain.User, error) {
	user, err := s.owner(ctx, by, id)
	if err != nil {
		return nil, domain.User{}, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, domain.User{}, err
	}
	return catalog, user, access.CheckActOn(catalog, by, &user)
}

// checkGrant returns fault.ErrForbidden if the owner lacks one of the permissions or the principal may not grant one of
// them, and ErrOwnerInactive for an owner who cannot log in.
func checkGrant(catalog *domain.Catalog, by domain.Principal, owner *domain.User,
	permissions []domain.Permission,
) error {
	if owner.Status != domain.StatusActive {
		return ErrOwnerInactive
	}
	held := access.Held(catalog, owner)
	for _, p := range permissions {
		// A key that creates keys, and an administrator who does, grant only what they hold themselves.
		if !held.Has(p) || (p.IsAdministrative() || by.BelongsTo(owner.ID)) && !by.Grants.Has(p) {
			return fault.ErrForbidden
		}
	}
	return nil
}

// List returns one page of the user's keys, the newest first, without those that were revoked or ended with a
// deactivation. Keys of other users require api_keys.manage.
func (s *Service) List(ctx context.Context, by domain.Principal, owner domain.UserID, page domain.Page) (domain.KeyPage,
	error,
) {
	user, err := s.owner(ctx, by, owner)
	if err != nil {
		return domain.KeyPage{}, err
	}
	return s.deps.Keys.List(ctx, domain.KeyQuery{User: owner, Epoch: user.KeyEpoch, Page: page})
}

// Get returns one key under the rules of List. A key that List would omit is domain.ErrKeyNotFound.
func (s *Service) Get(ctx context.Context, by domain.Principal, id domain.KeyID) (domain.APIKey, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.APIKey{}, err
	}
	key, err := s.deps.Keys.Get(ctx, id)
	if err != nil {
		return domain.APIKey{}, err
	}
	user, err := s.owner(ctx, by, key.UserID)
	switch {
	case errors.Is(err, domain.ErrUserNotFound), errors.Is(err, fault.ErrForbidden) && !by.BelongsTo(key.UserID):
		return domain.APIKey{}, domain.ErrKeyNotFound
	case err != nil:
		return domain.APIKey{}, err
	case !key.RevokedAt.IsZero() || key.Epoch != user.KeyEpoch:
		return domain.APIKey{}, domain.ErrKeyNotFound
	}
	return key, nil
}

// Revoke ends a key for every request that starts after it has returned: one's own key, or another user's with
// users.manage. A key that the principal may not see is domain.ErrKeyNotFound; a revoked key stays unchanged.
func (s *Service) Revoke(ctx context.Context, by domain.Principal, id domain.KeyID) (domain.APIKey, error) {
	if err := s.MayRevoke(ctx, by, id); err != nil {
		return domain.APIKey{}, err
	}
	return s.deps.Keys.Update(ctx, id, func(k *domain.APIKey, out *domain.Outbox) error {
		if !k.RevokedAt.IsZero() {
			return domain.ErrUnchanged
		}
		k.RevokedAt = s.deps.Clock.Now().UTC()
		out.Record(s.deps.AuditWriter.Entry(by, domain.ActionAPIKeyRevoke, string(id),
			audit.Detail("owner_id", string(k.UserID))))
		return nil
	})
}

func (s *Service) checkRevoke(ctx context.Context, by domain.Principal, owner domain.UserID) error {
	if by.IsSelf(owner) {
		return nil
	}
	if !by.Can(domain.UsersManage) {
		if by.Can(domain.APIKeysManage) || by.BelongsTo(owner) {
			return fault.ErrForbidden
		}
		return domain.ErrKeyNotFound
	}
	user, err := s.deps.Users.Get(ctx, owner)
	if err != nil {
		return err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return err
	}
	return access.CheckActOn(catalog, by, &user)
}

// owner returns the user whose keys the call is about, if the principal may see and create them. An API key may not,
// unless it has api_keys.manage: a leaked key must not create its own successor.
func (s *Service) owner(ctx context.Context, by domain.Principal, id domain.UserID) (domain.User, error) {
	if err := by.RequireSignedIn(); err != nil {
		return domain.User{}, err
	}
	if !by.BelongsTo(id) && !by.Can(domain.UsersRead) && !by.Can(domain.APIKeysManage) {
		return domain.User{}, domain.ErrUserNotFound
	}
	user, err := s.deps.Users.Get(ctx, id)
	if err != nil {
		return domain.User{}, err
	}
	if by.IsSelf(id) || by.Can(domain.APIKeysManage) {
		return user, nil
	}
	return domain.User{}, fault.ErrForbidden
}

// ErrOwnerInactive refuses a key for a user who cannot log in.
var ErrOwnerInactive = fault.New(fault.Conflict, "conflict", "The user is not active")

// notAKey reports whether a lookup failed because the key does not exist.
func notAKey(err error) bool {
	return errors.Is(err, domain.ErrKeyNotFound) || errors.Is(err, domain.ErrUserNotFound)
}
