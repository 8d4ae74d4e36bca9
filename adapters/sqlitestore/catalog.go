package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Catalog implements ports.SettingsStore and ports.CatalogView. The current catalog
// is cached in memory. A change creates a new catalog, which replaces the cached one after the commit and before the
// change is acknowledged.
type Catalog struct{ s *Store }

// CatalogStore returns the store of the settings and the view of the catalog.
func (s *Store) CatalogStore() *Catalog { return &Catalog{s} }

// Catalog returns the current catalog.
func (cs *Catalog) Catalog(context.Context) (*domain.Catalog, error) { return cs.s.catalog.Load(), nil }

// CatalogAt returns the current catalog. Its version is at least the given one, since this process is the only writer.
func (cs *Catalog) CatalogAt(context.Context, int64) (*domain.Catalog, error) {
	return cs.s.catalog.Load(), nil
}

// changeCatalog applies change to a copy of the catalog, which shares what does not change, increments its version,
// publishes it after the commit, and writes the outbox.
func (s *Store) changeCatalog(t *tx, out *domain.Outbox, change func(*domain.Catalog) error) error {
	present := s.currentCatalog(t)
	next := *present
	next.Version++
	if err := change(&next); err != nil {
		return err
	}
	if err := t.exec("UPDATE catalog SET version = ? WHERE one = 1", next.Version); err != nil {
		return err
	}
	t.catalog = &next
	t.onCommit(func() { s.catalog.Store(&next) })
	return s.writeOutbox(t, *out)
}

// seed inserts the default settings and the built-in roles unless they are stored already, and loads the catalog. An
// existing installation receives the built-in roles that a later version of the program has added.
func (s *Store) seed(ctx context.Context) error {
	return s.writer.do(ctx, func(t *tx) error {
		settings := domain.DefaultSettings()
		doc, err := encode(records.NewSettings(&settings))
		if err != nil {
			return err
		}
		if err := t.exec("INSERT OR IGNORE INTO settings (one, doc) VALUES (1, ?)", doc); err != nil {
			return err
		}
		if err := t.exec("INSERT OR IGNORE INTO catalog (one, version) VALUES (1, 1)"); err != nil {
			return err
		}
		if err := t.exec("INSERT OR IGNORE INTO signing_set (one, version) VALUES (1, 0)"); err != nil {
			return err
		}
		for _, role := range domain.BuiltInRoles() {
			if _, err := s.roles().add(t, role); err != nil {
				return err
			}
		}
		catalog, err := readCatalog(t)
		if err != nil {
			return err
		}
		t.onCommit(func() { s.catalog.Store(catalog) })
		return nil
	})
}

func readCatalog(t *tx) (*domain.Catalog, error) {
	var version int64
	var doc string
	errNone := errors.New("the catalog is missing")
	err := t.get(errNone, "SELECT version, (SELECT doc FROM settings) FROM catalog", nil, &version, &doc)
	if err != nil {
		return nil, err
	}
	settings, err := decodeSettings(doc)
	if err != nil {
		return nil, err
	}
	var roles []domain.Role
	if err := t.each(into(&roles, scanDoc((*records.Role).Domain)), "SELECT doc FROM roles"); err != nil {
		return nil, err
	}
	var groups []domain.Group
	if err := t.each(into(&groups, scanDoc((*records.Group).Domain)), "SELECT doc FROM groups"); err != nil {
		return nil, err
	}
	return domain.NewCatalog(version, settings, roles, groups), nil
}

// UpdateSettings applies change to the settings and raises their version by one.
func (cs *Catalog) UpdateSettings(ctx context.Context, change ports.Change[domain.Settings]) (domain.Settings, error) {
	var result domain.Settings
	err := cs.s.writer.do(ctx, func(t *tx) error {
		var out domain.Outbox
		err := cs.s.changeCatalog(t, &out, func(c *domain.Catalog) error {
			before := c.Settings
			result = cloneSettings(before)
			if err := change(&result, &out); err != nil {
				return err
			}
			result.Version = before.Version + 1
			c.Settings = cloneSettings(result)
			doc, err := encode(records.NewSettings(&result))
			if err != nil {
				return err
			}
			return t.exec("UPDATE settings SET doc = ? WHERE one = 1", doc)
		})
		if errors.Is(err, domain.ErrUnchanged) {
			result = cloneSettings(cs.s.currentCatalog(t).Settings)
			return nil
		}
		return err
	})
	if err != nil {
		return domain.Settings{}, err
	}
	return result, nil
}

// currentCatalog returns the catalog with the changes of the transaction.
func (s *Store) currentCatalog(t *tx) *domain.Catalog {
	if t.catalog != nil {
		return t.catalog
	}
	return s.catalog.Load()
}

func cloneSettings(s domain.Settings) domain.Settings {
	s.TwoFactor.RequiredForRoles = append([]domain.RoleID(nil), s.TwoFactor.RequiredForRoles...)
	s.TwoFactor.Methods = append([]domain.Method(nil), s.TwoFactor.Methods...)
	return s
}
