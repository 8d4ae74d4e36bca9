package auth

import "context"

// KeySet returns the public keys of the access tokens as a JWK Set (RFC 7517).
func (s *Service) KeySet(ctx context.Context) ([]byte, error) { return s.deps.Tokens.KeySet(ctx) }
