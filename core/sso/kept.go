package sso

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// flow is a sign-in from the start to the callback.
type flow struct {
	At          domain.RedirectFlow
	RedirectURI string
	State       string // the client's own
	Challenge   string // the client's PKCE challenge, S256
	Remember    bool
	Browser     []byte        // SHA-256 of the cookie
	Link        domain.UserID // the user who asked to be linked
	StepUp      *stepUp       `json:",omitempty"` // the session that is to be renewed, in place of a new one
}

// ticket is what a one-time code stands for.
type ticket struct {
	Login     auth.ProviderLogin
	Challenge string    // the client's PKCE challenge
	At        time.Time // of the callback
	StepUp    *stepUp   `json:",omitempty"`
}

// The kinds of what is kept.
const (
	keptFlow = "sso_flow"
	keptCode = "sso_code"
	keptJTI  = "sso_logout_token"
	keptOver = "sso_over"
	keptMark = "sso_step_up"
)

// newSecret returns 256 random bits in text.
func newSecret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}

func digest(text string) []byte {
	sum := sha256.Sum256([]byte(text))
	return sum[:]
}

// place is where something is kept: under the digest of its secret, so that a copy of the store opens nothing.
func place(kind, secret string) string {
	return kind + ":" + base64.RawURLEncoding.EncodeToString(digest(secret))
}

func (s *Service) keep(ctx context.Context, kind, secret string, value any, life time.Duration) error {
	key := place(kind, secret)
	plain, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("writing a %s: %w", kind, err)
	}
	sealed, err := s.deps.Sealer.Seal(plain, key)
	if err != nil {
		return fmt.Errorf("sealing a %s: %w", kind, err)
	}
	return s.deps.Once.Put(ctx, key, sealed, s.now().Add(life))
}

// fetch returns what was kept, once. What is not there, was taken or has run out is fault.ErrNotFound.
func (s *Service) fetch(ctx context.Context, kind, secret string, into any) error {
	if secret == "" || len(secret) > 128 {
		return fault.ErrNotFound
	}
	key := place(kind, secret)
	sealed, err := s.deps.Once.TakeOnce(ctx, key, s.now())
	if err != nil {
		return err
	}
	plain, err := s.deps.Sealer.Open(sealed, key)
	if err != nil {
		return fmt.Errorf("opening a %s: %w", kind, err)
	}
	if err := json.Unmarshal(plain, into); err != nil {
		return fmt.Errorf("reading a %s: %w", kind, err)
	}
	return nil
}

// markOver notes that a provider's session ended: a code that was made before and is exchanged after must not revive it.
func (s *Service) markOver(ctx context.Context, logout domain.ProviderLogout) error {
	key := place(keptOver, overName(logout.Directory, logout.Subject, logout.ProviderSession))
	if _, err := s.overAt(ctx, key); err != nil {
		return err
	}
	return s.putOver(ctx, key, s.now())
}

func overName(id domain.DirectoryID, subject domain.Subject, session string) string {
	return string(id) + "\n" + string(subject) + "\n" + session
}

func (s *Service) putOver(ctx context.Context, key string, at time.Time) error {
	text, err := at.MarshalText()
	if err != nil {
		return fmt.Errorf("writing a mark: %w", err)
	}
	err = s.deps.Once.Put(ctx, key, text, at.Add(2*challengeLife))
	if errors.Is(err, fault.ErrConflict) {
		return nil // somebody has marked it meanwhile
	}
	return err
}

// overAt takes a mark and returns when it was made; the zero time is none.
func (s *Service) overAt(ctx context.Context, key string) (time.Time, error) {
	text, err := s.deps.Once.TakeOnce(ctx, key, s.now())
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

// isOver reports whether the provider's session of a ticket was marked since, by any of the ways to name it. The mark stays
// for other tickets.
func (s *Service) isOver(ctx context.Context, t *ticket) (bool, error) {
	l := &t.Login
	names := []string{overName(l.Directory, l.Subject, "")}
	if l.Session != "" {
		names = append(names, overName(l.Directory, l.Subject, l.Session), overName(l.Directory, "", l.Session))
	}
	over := false
	for _, name := range names {
		key := place(keptOver, name)
		at, err := s.overAt(ctx, key)
		if err != nil {
			return false, err
		}
		if at.IsZero() {
			continue
		}
		if err := s.putOver(ctx, key, at); err != nil {
			return false, err
		}
		over = over || !at.Before(t.At)
	}
	return over, nil
}
