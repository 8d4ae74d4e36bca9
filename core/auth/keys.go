package auth

import (
	"context"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
)

// KeySet returns the public keys of the access tokens as a JWK Set (RFC 7517).
func (s *Service) KeySet(ctx context.Context) ([]byte, error) { return s.deps.Tokens.KeySet(ctx) }

// RotateKey activates the next signing key and returns its ID. It requires system.configure. Tokens signed with an
// earlier key stay valid until they expire.
func (s *Service) RotateKey(ctx context.Context, by domain.Principal) (string, error) {
	if err := by.Require(domain.SystemConfigure); err != nil {
		return "", err
	}
	var out domain.Outbox
	out.Record(s.deps.AuditWriter.Entry(by, domain.ActionKeyRotate, "access_tokens", audit.Detail("use", "sig")))
	return s.deps.Tokens.Rotate(ctx, s.deps.Clock.Now(), out)
}
