package mongostore_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// TestCatalogsEqualAFreshRead makes random changes on two nodes at once. After each round, the catalogs of both, and of
// a third node that reads it between the rounds only, equal the one that a new node reads. Rounds have fewer changes
// than the head lists, or more.
func TestCatalogsEqualAFreshRead(t *testing.T) {
	t.Parallel()
	for name, start := range mongod.Kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := start(t)
			one, other, _, db := twoNodes(t, server, 10, func(c *mongostore.Config) {
				c.Lease, c.Clock = 5*time.Second, realClock{}
			})
			third := openCatalogNode(t, server, db.Name())
			for round, changes := range []int{1, 10, 40, 100, 3, 80} {
				var all sync.WaitGroup
				for n, node := range []*mongostore.Store{one, other} {
					for w := range 2 {
						random := rand.New(rand.NewPCG(uint64(round), uint64(2*n+w)))
						all.Go(func() {
							for range changes {
								if err := changeAtRandom(t.Context(), node, random); err != nil {
									t.Errorf("changing the catalog: %v", err)
									return
								}
							}
						})
					}
				}
				all.Wait()
				want := contentOf(catalogOf(t, openCatalogNode(t, server, db.Name())))
				for i, node := range []*mongostore.Store{one, other, third} {
					if diff := gocmp.Diff(want, contentOf(catalogOf(t, node))); diff != "" {
						t.Fatalf("round %d: the catalog of node %d differs from a fresh one (-want +got):\n%s", round, i, diff)
					}
				}
			}
		})
	}
}

func openCatalogNode(t *testing.T, server *mongod.Server, database string) *mongostore.Store {
	t.Helper()
	s, err := mongostore.Open(t.Context(), mongostore.Config{
		URI: server.URI(), Database: database, Clock: newClock(), NoTTL: true, Timeout: time.Minute,
	})
	must(t, err)
	t.Cleanup(func() {
		if err := s.Close(t.Context()); err != nil && t.Context().Err() == nil {
			t.Error(err)
		}
	})
	return s
}

// changeAtRandom changes, creates, renames or deletes one of few groups and roles, or changes the settings.
func changeAtRandom(ctx context.Context, s *mongostore.Store, random *rand.Rand) error {
	group := domain.Group{
		ID: domain.GroupID(fmt.Sprint("grp_r", random.IntN(20))), Name: fmt.Sprint("Random ", random.IntN(30)),
		Description: strconv.Itoa(random.Int()),
	}
	group.SetNameKey(strings.ToLower)
	role := domain.Role{
		ID: domain.RoleID(fmt.Sprint("r", random.IntN(5))), Identifier: fmt.Sprintf("%08x", random.Uint32()),
		Name: strconv.Itoa(random.Int()), Level: 40, Permissions: []domain.Permission{"bots.use"},
	}
	var err error
	switch random.IntN(8) {
	case 0, 1:
		err = s.Groups().Create(ctx, group, domain.Outbox{})
	case 2, 3:
		_, err = s.Groups().Update(ctx, group.ID, func(g *domain.Group, _ *domain.Outbox) error {
			g.Name, g.NameKey, g.Description = group.Name, group.NameKey, group.Description
			return nil
		})
	case 4:
		err = s.Groups().Delete(ctx, group.ID, domain.Outbox{})
	case 5:
		err = s.Roles().Create(ctx, role, domain.Outbox{})
	case 6:
		err = s.Roles().Delete(ctx, role.ID, domain.Outbox{})
	case 7:
		_, err = s.CatalogStore().UpdateSettings(ctx, func(x *domain.Settings, _ *domain.Outbox) error {
			x.Password.MinLength = 8 + random.IntN(50)
			return nil
		})
	}
	for _, refused := range []error{
		domain.ErrGroupExists, domain.ErrGroupNotFound, domain.ErrRoleExists, domain.ErrRoleNotFound, domain.ErrRoleInUse,
	} {
		if errors.Is(err, refused) {
			return nil
		}
	}
	return err
}

// content is what a catalog consists of. Named are the results of searches by name.
type content struct {
	Version  int64
	Settings domain.Settings
	Roles    []domain.Role
	Groups   []domain.Group
	Named    []domain.GroupID
}

func contentOf(c *domain.Catalog) content {
	all := content{
		Version: c.Version, Settings: c.Settings,
		Roles:  slices.SortedFunc(c.Roles.All(), func(a, b domain.Role) int { return cmp.Compare(a.ID, b.ID) }),
		Groups: slices.SortedFunc(c.Groups.All(), func(a, b domain.Group) int { return cmp.Compare(a.ID, b.ID) }),
	}
	for i := range 30 {
		exact, _ := c.GroupByName(fmt.Sprint("Random ", i))
		folded, _ := c.FindGroup(fmt.Sprint("RANDOM ", i), strings.ToLower)
		all.Named = append(all.Named, exact.ID, folded.ID)
	}
	return all
}
