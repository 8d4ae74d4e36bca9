package directory_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
)

func TestCheckReportsMappingRulesWithoutEffect(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		roles  []ldapdir.RoleRule
		groups []ldapdir.GroupRule
		want   []string
	}{
		"no rules": {nil, nil, nil},
		"existing role": {
			[]ldapdir.RoleRule{{Group: "eng", Role: "operator"}},
			nil,
			[]string{"ok the roles and groups that they name are there"},
		},
		"unknown role and group": {
			[]ldapdir.RoleRule{{Group: "eng", Role: "operater"}},
			[]ldapdir.GroupRule{{Group: "eng", To: "engineering"}},
			[]string{`there is no role "operater" here`, `there is no group "engineering" here`},
		},
		"administrative group": {
			nil,
			[]ldapdir.GroupRule{{Group: "eng", To: "bosses"}},
			[]string{`the group "bosses" holds administrative permissions`},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newFixture(t, 0, func(s *ldapdir.Settings) { s.Roles, s.GroupMapping = tt.roles, tt.groups })
			if err := h.Store.Groups().Create(t.Context(), domain.Group{
				ID: "grp_bosses", Name: "bosses", Permissions: []domain.Permission{domain.UsersManage},
			}, domain.Outbox{}); err != nil {
				t.Fatal(err)
			}
			steps, err := h.service.Check(t.Context(), domain.Operator(), "corp", "")
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range steps {
				if s.Name == "mapping rules" {
					got = append(got, strings.TrimPrefix(map[bool]string{true: "ok "}[s.OK]+s.Detail, " "))
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}
