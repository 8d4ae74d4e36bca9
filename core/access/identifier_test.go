package access_test

import (
	"testing"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

func TestTakenIdentifierIsReplaced(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	first := domain.User{
		ID: "usr_1", Identifier: access.NewIdentifier(s.IDs), Username: "ada", UsernameKey: "ada", Role: domain.RoleUser,
		Status: domain.StatusActive, Directory: "local",
	}
	second := first
	second.ID, second.Username, second.UsernameKey = "usr_2", "grace", "grace"
	for _, u := range []*domain.User{&first, &second} {
		if err := s.Access.CreateUser(t.Context(), u, domain.Outbox{}); err != nil {
			t.Fatal(err)
		}
		stored, err := s.Store.Users().Get(t.Context(), u.ID)
		if err != nil || stored.Identifier != u.Identifier {
			t.Errorf("stored identifier %q, returned %q, error %v", stored.Identifier, u.Identifier, err)
		}
	}
	if first.Identifier == second.Identifier || len(second.Identifier) != 8 {
		t.Errorf("the identifiers are %q and %q", first.Identifier, second.Identifier)
	}
}
