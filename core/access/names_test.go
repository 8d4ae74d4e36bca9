package access_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func TestGroupNamesAllowAnyScriptAndIgnoreCase(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	create := func(name string) error {
		_, err := s.Access.CreateGroup(t.Context(), domain.Operator(), access.GroupInput{Name: name})
		return err
	}
	for _, name := range []string{"Отдел продаж", "Účtárna", "営業部", "support_team"} {
		if err := create(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{
		"отдел ПРОДАЖ", "ÚČTÁRNA", "u\u0301c\u030cta\u0301rna", "Support_Team",
		"support_team ",
	} {
		if err := create(name); !errors.Is(err, domain.ErrGroupExists) {
			t.Errorf("%q with another spelling present: %v", name, err)
		}
	}
	rename := func(from, to string) error {
		_, err := s.Access.UpdateGroup(t.Context(), domain.Operator(), from, access.GroupPatch{Name: &to})
		return err
	}
	if err := rename("営業部", "SUPPORT_TEAM"); !errors.Is(err, domain.ErrGroupExists) {
		t.Errorf("rename to the name of another group: %v", err)
	}
	if err := rename("support_team", "Support_Team"); err != nil {
		t.Errorf("rename to its own name: %v", err)
	}
	for _, name := range []string{"ops\ufe0f", "ops\u3164", "аdmin", "ops\u202e"} {
		if err := create(name); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%+q: %v", name, err)
		}
	}
}

// Earlier versions allowed names that differ in case only; the groups from that time have no key.
func TestGroupWithoutKeyKeepsItsName(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for _, g := range []domain.Group{{ID: "grp_1", Name: "Ops"}, {ID: "grp_2", Name: "ops"}} {
		if err := s.Ports.Groups.Create(t.Context(), g, domain.Outbox{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Access.CreateGroup(t.Context(), domain.Operator(), access.GroupInput{Name: "OPS"}); !errors.Is(err,
		domain.ErrGroupExists) {
		t.Errorf("a third group with the name: %v", err)
	}
	text := "first line"
	for _, id := range []string{"grp_1", "grp_2"} {
		if _, err := s.Access.UpdateGroup(t.Context(), domain.Operator(), id,
			access.GroupPatch{Description: &text}); err != nil {
			t.Errorf("changing %s: %v", id, err)
		}
	}
}

func TestRoleNamesRefuseInvisibleCharacters(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	for i, name := range []string{"Admin\u3164", "Admin\u202e", "Admin\n", "Admin\ufe0f"} {
		_, err := s.Access.CreateRole(t.Context(), domain.Operator(),
			access.RoleInput{ID: "r" + string(rune('0'+i)), Name: name})
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%+q: %v", name, err)
		}
	}
}

func TestGroupDescriptionsHoldNoControlCharacters(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	by := domain.Operator()
	group, err := s.Access.CreateGroup(t.Context(), by, access.GroupInput{Name: "ops", Description: "On call"})
	if err != nil {
		t.Fatal(err)
	}
	bad := "On\x00call"
	_, created := s.Access.CreateGroup(t.Context(), by, access.GroupInput{Name: "dev", Description: bad})
	_, updated := s.Access.UpdateGroup(t.Context(), by, string(group.ID), access.GroupPatch{Description: &bad})
	for name, err := range map[string]error{"create": created, "update": updated} {
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%s: %v, want fault.ErrInvalid", name, err)
		}
	}
}
