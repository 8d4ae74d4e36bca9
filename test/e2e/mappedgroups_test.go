package e2e_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// TestAGroupOfAMappingRuleMovesWithItsPermissions has people who hold groups.manage rename, make and delete groups
// that the rules of an LDAP directory and of an OIDC provider name. It takes all that the group gives.
func TestAGroupOfAMappingRuleMovesWithItsPermissions(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{Directories: []ports.Directory{mappingLDAP(t), mappingOIDC(t)}})
	manager := func(name string, permissions ...domain.Permission) domain.Principal {
		t.Helper()
		by := s.As(t, s.User(t, name, domain.RoleGuest))
		for _, p := range append(permissions, domain.GroupsManage) {
			by.Grants = append(by.Grants, domain.Grant{Source: "group:managers", Permission: p})
		}
		return by
	}
	lacks, holds := manager("lacks"), manager("holds", "kb.edit")
	rename := func(by domain.Principal, from, to string) error {
		_, err := s.Access.UpdateGroup(t.Context(), by, from, access.GroupPatch{Name: &to})
		return err
	}
	remove := func(by domain.Principal, name string) error {
		_, err := s.Access.DeleteGroup(t.Context(), by, name)
		return err
	}
	create := func(by domain.Principal, name string) error {
		_, err := s.Access.CreateGroup(t.Context(), by, access.GroupInput{Name: name, Permissions: []string{"kb.edit"}})
		return err
	}
	for _, mapped := range []string{"from_ldap", "from_oidc"} {
		must(t, create(domain.Operator(), "editors"))
		for what, err := range map[string]error{
			"into the rule":                     rename(lacks, "editors", mapped),
			"into the rule, in other letters":   rename(lacks, "editors", "F"+mapped[1:]),
			"making a group of the rule's name": create(lacks, mapped),
		} {
			if !errors.Is(err, fault.ErrForbidden) {
				t.Errorf("%s: %s without its permission: got error %v, want %v", mapped, what, err, fault.ErrForbidden)
			}
		}
		must(t, rename(lacks, "editors", "writers")) // no rule names either
		must(t, rename(holds, "writers", mapped))
		for what, err := range map[string]error{
			"out of the rule": rename(lacks, mapped, "editors"),
			"deleting it":     remove(lacks, mapped),
		} {
			if !errors.Is(err, fault.ErrForbidden) {
				t.Errorf("%s: %s without its permission: got error %v, want %v", mapped, what, err, fault.ErrForbidden)
			}
		}
		described := access.GroupPatch{Description: new("Changed")}
		if _, err := s.Access.UpdateGroup(t.Context(), lacks, mapped, described); err != nil {
			t.Errorf("%s: another description: %v", mapped, err)
		}
		must(t, rename(holds, mapped, "editors"))
		must(t, rename(holds, "editors", mapped))
		must(t, remove(holds, mapped))
	}
}

// The test changes the name of such a group as a user with groups.manage.
func TestAdministrativeGroupIsChangedOnlyByHoldersOfItsGrants(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	by := s.As(t, s.User(t, "lacks", domain.RoleGuest))
	by.Grants = append(by.Grants, domain.Grant{Source: "group:managers", Permission: domain.GroupsManage})
	in := access.GroupInput{Name: "configurators", Permissions: []string{"system.configure"}}
	_, err := s.Access.CreateGroup(t.Context(), domain.Operator(), in)
	must(t, err)
	for what, patch := range map[string]access.GroupPatch{
		"a name": {Name: new("helpers")}, "a description": {Description: new("Changed")},
	} {
		if _, err := s.Access.UpdateGroup(t.Context(), by, "configurators", patch); !errors.Is(err, fault.ErrForbidden) {
			t.Errorf("%s: got error %v, want %v", what, err, fault.ErrForbidden)
		}
	}
}

func mappingLDAP(t *testing.T) ports.Directory {
	t.Helper()
	settings := ldapdir.Defaults(ldapdir.TypeLDAP)
	settings.URLs, settings.BaseDN = []string{"ldaps://directory.example.com"}, "dc=example,dc=com"
	settings.BindDN, settings.BindPassword = "cn=reader,dc=example,dc=com", "x"
	settings.GroupMapping = []ldapdir.GroupRule{{Group: "editors", To: "from_ldap"}}
	d, err := ldapdir.New("corp", ldapdir.TypeLDAP, settings, &kit.Clock{})
	must(t, err)
	return d
}

func mappingOIDC(t *testing.T) ports.Directory {
	t.Helper()
	d, err := oidcdir.New("sso", oidcdir.Settings{
		Issuer: "https://issuer.example.com", ClientID: "ostiary", ClientSecret: "x",
		GroupMapping: []oidcdir.GroupRule{{Value: "editors", To: "from_oidc"}},
	}, oidcdir.Options{Clock: &kit.Clock{}})
	must(t, err)
	return d
}
