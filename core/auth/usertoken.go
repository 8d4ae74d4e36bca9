package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// How long the tokens live that are sent to a user or handed to one whose password has expired.
const (
	ActivationFor  = 7 * 24 * time.Hour
	ResetFor       = 30 * time.Minute
	ChangeFor      = 10 * time.Minute
	EmailFor       = 24 * time.Hour
	userTokenMark  = "ost_"
	userTokenBytes = 32
)

// NewUserToken returns a single-use token in text, and what its user keeps of it. It names the user, so that no search is
// needed to find whose it is; 256 bits of it are random.
func NewUserToken(id domain.UserID, purpose domain.TokenPurpose, expires time.Time) (string, domain.UserToken, error) {
	secret := make([]byte, userTokenBytes)
	if _, err := rand.Read(secret); err != nil {
		return "", domain.UserToken{}, err
	}
	text := userTokenMark + strings.TrimPrefix(string(id), domain.UserPrefix) + base64.RawURLEncoding.EncodeToString(secret)
	digest := sha256.Sum256([]byte(text))
	return text, domain.UserToken{Purpose: purpose, Digest: digest[:], ExpiresAt: expires}, nil
}

// ParseUserToken returns whose token it is, and the digest to look it up by. Text of another form is domain.ErrInvalidToken.
func ParseUserToken(text string) (domain.UserID, []byte, error) {
	rest, ok := strings.CutPrefix(text, userTokenMark)
	if !ok || len(rest) != ulidLength+base64.RawURLEncoding.EncodedLen(userTokenBytes) {
		return "", nil, domain.ErrInvalidToken
	}
	id, err := domain.ParseUserID(domain.UserPrefix + rest[:ulidLength])
	if err != nil {
		return "", nil, domain.ErrInvalidToken
	}
	digest := sha256.Sum256([]byte(text))
	return id, digest[:], nil
}

// askForChange answers somebody whose password was right and has to be replaced: with a token that does it once.
func (s *Service) askForChange(ctx context.Context, a *attempt, check verdict) error {
	text, token, err := NewUserToken(check.user.ID, domain.TokenChange, s.deps.Clock.Now().Add(ChangeFor))
	if err != nil {
		return err
	}
	_, err = s.deps.Users.Update(ctx, check.user.ID, func(u *domain.User, out *domain.Outbox) error {
		b := beginning{checked: check.credential}
		if err := b.apply(u, u.LastLogin); err != nil {
			return err
		}
		u.AddToken(token, s.deps.Clock.Now())
		out.Record(s.failed(a, "password_expired"))
		return nil
	})
	if errors.Is(err, errStale) {
		return s.refuse(ctx, a, "changed_meanwhile")
	}
	if err != nil {
		return errors.Join(err, a.guess.GiveBack(ctx))
	}
	if err := a.guess.Succeed(ctx); err != nil {
		return err
	}
	return domain.ErrPasswordExpired.With("change_token", text)
}

// ended makes the entry of an ended session.
func (s *Service) ended(by domain.Principal, action domain.Action, session *domain.Session, options ...audit.Option) domain.AuditEntry {
	options = append(options, audit.Detail("session_id", string(session.ID)))
	return s.deps.Journal.Entry(by, action, string(session.UserID), options...)
}
