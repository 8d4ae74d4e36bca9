package domain_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/domain"
)

// TestSharedCatalogsEqualMaps makes random changes to a catalog and to a map, and compares every version, also after
// later changes.
func TestSharedCatalogsEqualMaps(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	catalog, want := domain.NewCatalog(1, domain.DefaultSettings(), nil, nil), map[domain.GroupID]domain.Group{}
	type version struct {
		catalog *domain.Catalog
		want    []domain.Group
	}
	var versions []version
	for range 3000 {
		id := domain.GroupID(fmt.Sprint("grp_", random.IntN(600)))
		if random.IntN(3) == 0 {
			catalog = catalog.WithoutGroup(id)
			delete(want, id)
		} else {
			group := domain.Group{ID: id, Name: fmt.Sprint("Group ", random.IntN(900)), Description: strconv.Itoa(random.Int())}
			if random.IntN(2) == 0 {
				group.SetNameKey(strings.ToLower)
			}
			if !slices.ContainsFunc(slices.Collect(catalog.Groups.All()), func(g domain.Group) bool {
				return g.Name == group.Name && g.ID != id
			}) {
				catalog = catalog.WithGroup(group)
				want[id] = group
			}
		}
		if random.IntN(100) == 0 {
			versions = append(versions, version{catalog, sortedGroups(want)})
		}
	}
	for _, v := range versions {
		got := map[domain.GroupID]domain.Group{}
		for group := range v.catalog.Groups.All() {
			got[group.ID] = group
		}
		if diff := cmp.Diff(v.want, sortedGroups(got)); diff != "" || v.catalog.Groups.Len() != len(v.want) {
			t.Fatalf("groups differ (-want +got):\n%s", diff)
		}
		wantNames(t, v.catalog, v.want)
	}
}

func sortedGroups(groups map[domain.GroupID]domain.Group) []domain.Group {
	var all []domain.Group
	for _, group := range groups {
		all = append(all, group)
	}
	slices.SortFunc(all, func(a, b domain.Group) int { return strings.Compare(string(a.ID), string(b.ID)) })
	return all
}

// wantNames compares the search by name with a scan of all groups.
func wantNames(t *testing.T, catalog *domain.Catalog, groups []domain.Group) {
	t.Helper()
	for i := range 900 {
		probe := domain.Group{ID: "grp_new", Name: fmt.Sprint("group ", i)}
		probe.SetNameKey(strings.ToLower)
		var named, keyed []domain.GroupID
		for _, g := range groups {
			if g.Key() == probe.Key() {
				named = append(named, g.ID)
			}
			if g.NameKey == probe.NameKey {
				keyed = append(keyed, g.ID)
			}
		}
		found, ok := catalog.FindGroup(probe.Name, strings.ToLower)
		if ok != (len(named) == 1) || ok && found.ID != named[0] {
			t.Fatalf("%s finds %q, %t, want one of %v", probe.Name, found.ID, ok, named)
		}
		if catalog.NameTaken(&probe) != (len(named) > 0) || catalog.NameKeyTaken(&probe) != (len(keyed) > 0) {
			t.Fatalf("%s: taken is %t and %t, of %v and %v", probe.Name, catalog.NameTaken(&probe),
				catalog.NameKeyTaken(&probe), named, keyed)
		}
	}
}
