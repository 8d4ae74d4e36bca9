package conformance

import (
	"fmt"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

// groupChangesRace creates, changes and deletes many groups concurrently. Each change is in the catalog when
// it is acknowledged, and catalogs from before do not change.
func groupChangesRace(t *testing.T, s Stores) {
	const workers, rounds = 16, 20
	first := catalog(t, s)
	race(t, workers, never, func(n int) error {
		for i := range rounds {
			group := newGroup(fmt.Sprintf("group %d-%d", n, i))
			if err := s.Groups.Create(t.Context(), group, domain.Outbox{}); err != nil {
				return err
			}
			created := catalog(t, s)
			if err := changeGroup(t, s, group.ID); err != nil {
				return err
			}
			changed := catalog(t, s)
			if before, after := groupOf(created, group.ID), groupOf(changed, group.ID); before.Description != "A group" ||
				after.Description != "changed" {
				t.Errorf("the catalogs have %q and %q", before.Description, after.Description)
			}
			if i%2 == 1 {
				continue
			}
			if err := s.Groups.Delete(t.Context(), group.ID, domain.Outbox{}); err != nil {
				return err
			}
			if found, ok := catalog(t, s).GroupByName(group.Name); ok || groupOf(changed, group.ID).ID == "" {
				t.Errorf("a deleted group is still there, or missing from the catalog before: %q", found.ID)
			}
		}
		return nil
	})
	if n := catalog(t, s).Groups.Len(); n != workers*rounds/2 || first.Groups.Len() != 0 {
		t.Errorf("%d groups remain and the first catalog has %d, want %d and 0", n, first.Groups.Len(), workers*rounds/2)
	}
}

func changeGroup(t *testing.T, s Stores, id domain.GroupID) error {
	t.Helper()
	_, err := s.Groups.Update(t.Context(), id, func(g *domain.Group, _ *domain.Outbox) error {
		g.Description = "changed"
		return nil
	})
	return err
}
