package directory

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Summary is a configured directory with its abilities.
type Summary struct {
	ID        domain.DirectoryID
	Type      string
	Abilities []string
	Default   bool // new users belong to it
}

// List returns the configured directories in their order. It requires directories.manage.
func (s *Service) List(_ context.Context, by domain.Principal) ([]Summary, error) {
	if err := by.Require(domain.DirectoriesManage); err != nil {
		return nil, err
	}
	fallback := s.deps.Registry.Fallback().ID()
	var all []Summary
	for _, d := range s.deps.Registry.All() {
		all = append(all, Summary{ID: d.ID(), Type: d.Type(), Abilities: abilities(d), Default: d.ID() == fallback})
	}
	return all, nil
}

func abilities(d ports.Directory) []string {
	able := []string{}
	add := func(word string, can bool) {
		if can {
			able = append(able, word)
		}
	}
	_, stores := d.(ports.LocalPasswordStore)
	_, verifies := d.(ports.PasswordVerifier)
	_, changes := d.(ports.PasswordChanger)
	_, sets := d.(ports.PasswordSetter)
	_, looks := d.(ports.Lookup)
	_, lists := d.(ports.Lister)
	_, redirects := d.(ports.RedirectLogin)
	add("login", stores || verifies)
	add("sso", redirects)
	add("password-change", stores || changes)
	add("password-reset", stores || sets)
	add("live-state", looks)
	add("sync", lists)
	return able
}
