package ldapdir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

// short returns the names in DNs of groups, sorted.
func short(dns []string) []string {
	names := []string{}
	for _, dn := range dns {
		name := strings.NewReplacer(`\,`, ",", `\2C`, ",", `\2c`, ",").Replace(dn)
		_, name, _ = strings.Cut(name, "=")
		for _, tail := range []string{",ou=groups,", ",cn=users,", ",cn=builtin,"} {
			if i := strings.Index(strings.ToLower(name), tail); i >= 0 {
				name = name[:i]
			}
		}
		names = append(names, strings.ToLower(name))
	}
	slices.Sort(names)
	return names
}

func TestGroups(t *testing.T) {
	t.Parallel()
	slapd, ad := sharedSlapd(t), sharedSamba(t)
	dynlist := openldap.Start(t, openldap.Options{NestedMemberOf: true})
	groups := func(of tree, more tree) tree { return of.with(tree{"groups": more}) }
	posix := tree{"member_attribute": "memberUid", "member_value": "username", "filter": "(objectClass=posixGroup)"}
	tests := map[string]struct {
		kind     string
		settings tree
		person   string
		want     []string
	}{
		"searched, nested": {
			ldapdir.TypeLDAP, openLDAP(slapd), "alice",
			[]string{"all", "eng", "eng-backend", "ops (eu), *", "staff"},
		},
		"searched, direct": {
			ldapdir.TypeLDAP, groups(openLDAP(slapd), tree{"nested": false}), "alice",
			[]string{"eng-backend", "ops (eu), *", "staff"},
		},
		"searched, in a circle": {ldapdir.TypeLDAP, openLDAP(slapd), "dave", []string{"loop-a", "loop-b"}},
		"searched, none":        {ldapdir.TypeLDAP, openLDAP(slapd), "jsmith", []string{}},
		"switched off":          {ldapdir.TypeLDAP, groups(openLDAP(slapd), tree{"mode": "none"}), "alice", []string{}},
		"below another base": {ldapdir.TypeLDAP, groups(openLDAP(slapd),
			tree{"base_dn": "ou=services," + openldap.Base}), "alice", []string{}},
		"by memberOf, direct": {
			ldapdir.TypeLDAP, groups(openLDAP(slapd), tree{"mode": "memberof", "nested": false}),
			"alice",
			[]string{"eng-backend", "ops (eu), *", "staff"},
		},
		"by memberOf, nested": {
			ldapdir.TypeLDAP, groups(openLDAP(slapd), tree{"mode": "memberof"}), "alice",
			[]string{"all", "eng", "eng-backend", "ops (eu), *", "staff"},
		},
		"by memberOf, a circle": {
			ldapdir.TypeLDAP, groups(openLDAP(slapd), tree{"mode": "memberof"}), "dave",
			[]string{"loop-a", "loop-b"},
		},
		"nested by the server": {
			ldapdir.TypeLDAP, groups(openLDAP(dynlist), tree{"mode": "memberof", "nested": false}),
			"alice",
			[]string{"all", "eng", "eng-backend", "ops (eu), *", "staff"},
		},
		"in chain": {
			ldapdir.TypeActiveDirectory, activeDirectory(ad), "alice",
			[]string{"all", "domain users", "eng", "eng-backend", "ops (eu), *", "users"},
		},
		"in chain, odd DN": {
			ldapdir.TypeActiveDirectory, activeDirectory(ad), "bob",
			[]string{"all", "domain users", "eng", "eng-backend", "users"},
		},
		"in chain, circle": {
			ldapdir.TypeActiveDirectory, activeDirectory(ad), "carol",
			[]string{"all", "domain users", "loop-a", "loop-b", "users"},
		},
		"in chain, direct": {
			ldapdir.TypeActiveDirectory, groups(activeDirectory(ad), tree{"nested": false}), "alice",
			[]string{"domain users", "eng-backend", "ops (eu), *"},
		},
		"searched on AD": {
			ldapdir.TypeActiveDirectory, groups(activeDirectory(ad), tree{"mode": "search"}), "alice",
			[]string{"all", "eng", "eng-backend", "ops (eu), *"},
		},
		"by memberOf on AD": {
			ldapdir.TypeActiveDirectory, groups(activeDirectory(ad), tree{"mode": "memberof"}),
			"carol",
			[]string{"all", "loop-a", "loop-b"},
		},
		"of names":                {ldapdir.TypeLDAP, groups(openLDAP(slapd), posix), "alice", []string{"unix"}},
		"of names, somebody else": {ldapdir.TypeLDAP, groups(openLDAP(slapd), posix), "carol", []string{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, tt.kind, tt.settings)
			if diff := cmp.Diff(tt.want, short(find(t, d, tt.person).Groups)); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestMappingAppliesTheRules(t *testing.T) {
	t.Parallel()
	slapd, ad := sharedSlapd(t), sharedSamba(t)
	rules := func(more tree) tree { return openLDAP(slapd).with(more) }
	tests := map[string]struct {
		kind     string
		settings tree
		person   string
		role     domain.RoleID
		groups   []string
	}{
		"nothing without rules": {ldapdir.TypeLDAP, openLDAP(slapd), "alice", "", nil},
		"a role by DN": {ldapdir.TypeLDAP, rules(tree{"roles": []tree{
			{"group": "CN=ENG, ou=Groups,dc=example,dc=org", "role": "operator"},
		}}), "alice", "operator", nil},
		"a role by cn": {
			ldapdir.TypeLDAP, rules(tree{"roles": []tree{{"group": "Eng-Backend", "role": "operator"}}}),
			"alice", "operator", nil,
		},
		"the first rule that matches": {ldapdir.TypeLDAP, rules(tree{"roles": []tree{
			{"group": "nothing", "role": "guest"}, {"group": "staff", "role": "operator"}, {"group": "all", "role": "guest"},
		}}), "alice", "operator", nil},
		"the default role where none matches": {ldapdir.TypeLDAP, rules(tree{
			"roles": []tree{{"group": "eng", "role": "operator"}}, "default_role": "guest",
		}), "carol", "guest", nil},
		"administrators where it is allowed": {ldapdir.TypeLDAP, rules(tree{
			"roles": []tree{{"group": openldap.GroupDN("Ops (EU), *"), "role": "admin"}}, "allow_admin": true,
		}), "alice", "admin", nil},
		"groups": {ldapdir.TypeLDAP, rules(tree{"group_mapping": []tree{
			{"group": "eng", "to": "engineers"},
			{"group": "all", "to": "everybody"},
			{"group": "eng-backend", "to": "engineers"},
		}}), "alice", "", []string{"engineers", "everybody"}},
		"no groups where none matches": {
			ldapdir.TypeLDAP,
			rules(tree{"group_mapping": []tree{{"group": "eng", "to": "engineers"}}}), "carol", "",
			[]string{},
		},
		"a group of Active Directory": {ldapdir.TypeActiveDirectory, activeDirectory(ad).with(tree{
			"roles": []tree{{"group": samba.GroupDN("all"), "role": "operator"}},
		}), "alice", "operator", nil},
		"the primary group": {ldapdir.TypeActiveDirectory, activeDirectory(ad).with(tree{
			"roles": []tree{{"group": "Domain Users", "role": "operator"}},
		}), "dave", "operator", nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, tt.kind, tt.settings)
			check := verify(t, d, tt.person, openldap.Password)
			id := check.Identity
			if id.Role != tt.role || !cmp.Equal(id.MappedGroups, tt.groups) || (id.MappedGroups == nil) != (tt.groups == nil) {
				t.Errorf("role %q and groups %q, want %q and %q", id.Role, id.MappedGroups, tt.role, tt.groups)
			}
			if id.MapsAdministrators != (tt.settings["allow_admin"] == true) {
				t.Errorf("it maps administrators: %v", id.MapsAdministrators)
			}
		})
	}
}
