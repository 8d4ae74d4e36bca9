package sqlitestore_test

import (
	"context"
	"testing"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/test/conformance"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	conformance.All(t, func(t *testing.T) conformance.Stores {
		t.Helper()
		return stores(openStore(t, t.TempDir()))
	})
}

func openStore(t *testing.T, dir string) *sqlitestore.Store {
	t.Helper()
	s, err := sqlitestore.Open(t.Context(), sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return s
}

func stores(s *sqlitestore.Store) conformance.Stores {
	return conformance.Stores{
		Users: s.Users(), Guard: s.Guards(), Sessions: s.Sessions(), View: s.View(), Keys: s.Keys(), KeyView: s.View(), Tokens: s.Tokens(),
		Roles: s.CatalogStore(), Groups: s.CatalogStore(), Settings: s.CatalogStore(), Catalog: s.CatalogStore(),
		Attempts: s.Guards(), Rates: s.Guards(), Once: s.Guards(), Idempotency: s.Guards(),
		Audit: s.Audit(), Seals: s.Audit(), Proofs: s.Audit(), Eraser: s.Audit(), Messages: s.Messages(), Maintenance: s, SigningKeys: s.SigningKeyStore(),
	}
}
