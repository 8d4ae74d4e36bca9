package sqlitestore

import "github.com/ostiary/ostiary/ports"

// Ports returns the storage ports, all of them on this store.
func (s *Store) Ports() ports.Storage {
	view, catalog, guards, audit := s.View(), s.CatalogStore(), s.Guards(), s.Audit()
	return ports.Storage{
		Users: s.Users(), Guard: guards, Sessions: s.Sessions(), View: view, Logins: view, Keys: s.Keys(), KeyView: view, Tokens: s.Tokens(),
		Roles: catalog, Groups: catalog, Settings: catalog, Catalog: catalog,
		Attempts: guards, Rates: guards, SingleUse: guards, Idempotency: guards,
		Audit: audit, Seals: audit, Proofs: audit, Eraser: audit,
		Messages: s.Messages(), Maintenance: s, SigningKeys: s.SigningKeyStore(), SyncPositions: s.SyncPositions(), Archive: s,
	}
}
