package sso

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/core/sealed"
)

// flow is the state of a login between start and callback.
type flow struct {
	At          domain.RedirectFlow
	RedirectURI string
	State       string // the client's own
	Challenge   string // the client's PKCE challenge, S256
	Remember    bool
	Browser     []byte        // SHA-256 of the secret of Started
	Link        domain.UserID // the user who requested to be linked
	StepUp      *stepUp       `json:",omitempty"` // the session to renew instead of starting one
}

// ticket is the stored value of a single-use code.
type ticket struct {
	Login     auth.ProviderLogin
	Challenge string    // the client's PKCE challenge
	At        time.Time // of the callback
	StepUp    *stepUp   `json:",omitempty"`
}

// The kinds of stored values.
const (
	kindFlow   = "sso_flow"
	kindCode   = "sso_code"
	kindJTI    = "sso_logout_token"
	kindEnded  = "sso_over"
	kindStepUp = "sso_step_up"
)

// storeKey returns the key of a stored value: it contains the digest of the secret, so that a copy of the store opens
// nothing.
func storeKey(kind, secret string) string {
	return kind + ":" + opaquetoken.Fingerprint(secret)
}

func (s *Service) put(ctx context.Context, kind, secret string, value any, life time.Duration) error {
	key := storeKey(kind, secret)
	box, err := sealed.Seal(s.deps.Sealer, key, value)
	if err != nil {
		return err
	}
	return s.deps.SingleUse.Put(ctx, key, box, s.now().Add(life))
}

// fetch returns a stored value once. A value that is missing, was taken or has expired is fault.ErrNotFound.
func (s *Service) fetch(ctx context.Context, kind, secret string, into any) error {
	if secret == "" || len(secret) > 128 {
		return fault.ErrNotFound
	}
	key := storeKey(kind, secret)
	box, err := s.deps.SingleUse.Consume(ctx, key, s.now())
	if err != nil {
		return err
	}
	return sealed.Open(s.deps.Sealer, key, box, into)
}

// markEnded records that a provider's session ended: a code issued before and exchanged afterwards must not revive it.
func (s *Service) markEnded(ctx context.Context, logout domain.ProviderLogout) error {
	key := storeKey(kindEnded, endedName(logout.Directory, logout.Subject, logout.ProviderSession))
	if _, err := s.endedAt(ctx, key); err != nil {
		return err
	}
	return s.putEnded(ctx, key, s.now())
}

func endedName(id domain.DirectoryID, subject domain.Subject, session string) string {
	return string(id) + "\n" + string(subject) + "\n" + session
}

func (s *Service) putEnded(ctx context.Context, key string, at time.Time) error {
	text, err := at.MarshalText()
	if err != nil {
		return fmt.Errorf("writing a mark: %w", err)
	}
	err = s.deps.SingleUse.Put(ctx, key, text, at.Add(2*challengeLife))
	if errors.Is(err, fault.ErrConflict) {
		return nil // another request has marked it in the meantime
	}
	return err
}

// endedAt takes a mark and returns its time, or the zero time if there is none.
func (s *Service) endedAt(ctx context.Context, key string) (time.Time, error) {
	text, err := s.deps.SingleUse.Consume(ctx, key, s.now())
	if errors.Is(err, fault.ErrNotFound) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	var at time.Time
	if err := at.UnmarshalText(text); err != nil {
		return time.Time{}, fmt.Errorf("reading a mark: %w", err)
	}
	return at, nil
}

// isEnded reports whether the provider's session of a ticket was marked since, under any of its names. The mark stays
// for other tickets.
func (s *Service) isEnded(ctx context.Context, t *ticket) (bool, error) {
	l := &t.Login
	names := []string{endedName(l.Directory, l.Subject, "")}
	if l.Session != "" {
		names = append(names, endedName(l.Directory, l.Subject, l.Session), endedName(l.Directory, "", l.Session))
	}
	over := false
	for _, name := range names {
		key := storeKey(kindEnded, name)
		at, err := s.endedAt(ctx, key)
		if err != nil {
			return false, err
		}
		if at.IsZero() {
			continue
		}
		if err := s.putEnded(ctx, key, at); err != nil {
			return false, err
		}
		over = over || !at.Before(t.At)
	}
	return over, nil
}
