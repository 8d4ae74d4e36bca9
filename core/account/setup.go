package account

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

// SetupFor is the lifetime of a setup token.
const SetupFor = time.Hour

// claim is the single-use key that ensures that only one of several nodes or requests creates the first user.
const claim = "first-user"

// HasUsers reports whether there is any user, deactivated ones included.
func (s *Service) HasUsers(ctx context.Context) (bool, error) {
	page, err := s.deps.Users.List(ctx, domain.UserQuery{
		NoTotal: true, Sort: domain.SortCreated, Page: domain.Page{Number: 1, Limit: 1},
	})
	return len(page.Users) > 0, err
}

// CreateFirst creates the first user, without an authenticated principal. Once any user exists it is
// fault.ErrForbidden, and only one of several concurrent calls succeeds.
func (s *Service) CreateFirst(ctx context.Context, by domain.Principal, in NewUser) (Profile, error) {
	exists, err := s.HasUsers(ctx)
	if err != nil {
		return Profile{}, err
	}
	if exists {
		return Profile{}, fault.ErrForbidden
	}
	if err := s.deps.SingleUse.Put(ctx, claim, nil, s.deps.Clock.Now().Add(time.Minute)); err != nil {
		if errors.Is(err, fault.ErrConflict) {
			return Profile{}, fault.ErrForbidden
		}
		return Profile{}, err
	}
	by.Grants = domain.System().Grants
	made, err := s.Create(ctx, by, in)
	if err != nil {
		_, released := s.deps.SingleUse.Consume(context.WithoutCancel(ctx), claim, s.deps.Clock.Now())
		return Profile{}, errors.Join(err, released)
	}
	return made, nil
}

// NewSetupToken returns a token that creates the first user over the network, once and within SetupFor.
func (s *Service) NewSetupToken(ctx context.Context) (string, error) {
	token := opaquetoken.Secret()
	return token, s.deps.SingleUse.Put(ctx, setupKey(token), nil, s.deps.Clock.Now().Add(SetupFor))
}

// Setup creates the first user, an administrator, with a setup token. A wrong or used token, and any token once a user
// exists, is domain.ErrInvalidToken. A refused user does not consume the token.
func (s *Service) Setup(ctx context.Context, by domain.Principal, token string, in NewUser) (Profile, error) {
	if _, err := s.deps.SingleUse.Consume(ctx, setupKey(token), s.deps.Clock.Now()); err != nil {
		if errors.Is(err, fault.ErrNotFound) {
			return Profile{}, s.badToken(ctx, by)
		}
		return Profile{}, err
	}
	if in.Role == "" {
		in.Role = string(domain.RoleAdmin)
	}
	by.Kind = domain.PrincipalSystem
	made, err := s.CreateFirst(ctx, by, in)
	switch {
	case err == nil:
		return made, nil
	case errors.Is(err, fault.ErrForbidden):
		if exists, failed := s.HasUsers(ctx); exists {
			return Profile{}, domain.ErrInvalidToken
		} else if failed != nil {
			err = failed
		} else {
			// Another request is creating the first user, or failed without releasing the claim. A retry finds out.
			err = fault.ErrOverloaded.After(time.Minute)
		}
	}
	again := s.deps.SingleUse.Put(context.WithoutCancel(ctx), setupKey(token), nil, s.deps.Clock.Now().Add(SetupFor))
	return Profile{}, errors.Join(err, again)
}

func setupKey(token string) string { return fmt.Sprintf("setup:%x", opaquetoken.Digest(token)) }
