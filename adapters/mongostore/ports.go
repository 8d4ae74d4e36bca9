package mongostore

import "github.com/ostiary/ostiary/ports"

// Ports returns the storage ports, all of them on this store.
func (s *Store) Ports() ports.Storage {
	view, catalog, audit := s.View(), s.CatalogStore(), s.Audit()
	return ports.Storage{
		Users: s.Users(), Guard: s.AdminGuard(), Sessions: s.Sessions(), View: view, Logins: view, Keys: s.Keys(),
		KeyView: view, Tokens: s.Tokens(), Roles: s.Roles(), Groups: s.Groups(), Settings: catalog, Catalog: catalog,
		Attempts: s.AttemptStore(), Rates: s.RateLimiter(), SingleUse: s.SingleUseStore(), Decoys: s.Decoys(),
		Idempotency: s.IdempotencyStore(), Audit: audit, Seals: audit, SealLease: audit, Proofs: audit, Eraser: audit,
		Messages: s.Messages(), Maintenance: s, SigningKeys: s.SigningKeyStore(), SyncPositions: s.SyncPositions(),
		Archive: s, VerifyCache: s,
	}
}
