package oidcdir_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

// Groups that cannot be read must not count as none, which would take a person's roles away without a word.
func TestGroupsThatCannotBeReadAreRefused(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		groups any
		reason string
	}{
		"a truth value":            {true, "it is true or false"},
		"a fraction":               {7.5, "not whole"},
		"a number that is rounded": {1e17, "too large"},
		"an array in an array":     {[]any{"eng", []any{"staff"}}, "one of its values is an array"},
		"null in an array":         {[]any{"eng", nil}, "one of its values is null"},
		"objects without a name":   {[]any{map[string]any{"id": "eng"}}, "an object without a name or value"},
		"a text that is too long":  {strings.Repeat("x", 513), "longer than 512"},
		"too many":                 {slices.Repeat([]string{"eng"}, 1001), "more than 1000"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := oidc.NewHostile(t)
			h.Set(oidc.Spoil{Claims: func(c map[string]any) { c["groups"] = test.groups }})
			mapped := hostileRig(t, h, func(s *oidcdir.Settings) {
				s.GroupMapping = []oidcdir.GroupRule{{Value: "eng", To: "engineering"}}
			})
			_, err := mapped.signIn(t, "")
			wantRefused(t, err, domain.ErrRedirectLogin, test.reason)
			hostileRig(t, h, func(*oidcdir.Settings) {}).mustSignIn(t, "") // without a map it does not matter
		})
	}
}

func TestCertified_groups_in_other_forms(t *testing.T) {
	t.Parallel()
	op, texts := certified(t, oidc.Options{}, func(s *oidcdir.Settings) { s.Claims.Separator = "," })
	if got := texts.mustSignIn(t, "olive").Identity.MappedGroups; !slices.Equal(got, []string{"engineering"}) {
		t.Errorf("the groups of one text are %q", got)
	}
	_, err := certifiedRig(t, op, nil).signIn(t, "oscar")
	wantRefused(t, err, domain.ErrRedirectLogin, "an object without a name or value")
}
