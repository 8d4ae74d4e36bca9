package mongostore_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// TestSearchReadsCommonTerms runs the suites of the list so that nearly every term is a common one.
func TestSearchReadsCommonTerms(t *testing.T) { //nolint:tparallel // the suites must end before the queries are checked
	t.Parallel()
	server, seen := mongod.Shared(t), newQueryShapes()
	t.Run("suites", func(t *testing.T) { //nolint:paralleltest // must end before the queries are checked
		open := func(t *testing.T) conformance.Stores {
			t.Helper()
			s, _ := openMongo(t, server, watched(seen))
			s.SetFewFound(3)
			return s.Ports()
		}
		t.Run("UserList", func(t *testing.T) { //nolint:paralleltest // its cases are parallel
			conformance.UserList(t, open)
		})
		t.Run("UserSearch", func(t *testing.T) { //nolint:paralleltest // its cases are parallel
			conformance.UserSearch(t, open)
		})
	})
	_, name := openMongo(t, server)
	seen.wantIndexed(t, server.URI(), name)
}

// grams returns what a version before the conversion stored for the search.
func grams(text string) []string {
	var all []string
	for line := range strings.SplitSeq(text, "\n") {
		runes := []rune(line)
		for i := range runes {
			for n := 1; n <= 3 && i+n <= len(runes); n++ {
				all = append(all, string(runes[i:i+n]))
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// earlierVersion is a database of users that a version before the present format of the search has written.
type earlierVersion struct {
	server *mongod.Server
	name   string
	users  *mongo.Collection
	clock  *clock
	all    []domain.User
}

func newEarlierVersion(t *testing.T) *earlierVersion {
	t.Helper()
	server := mongod.Shared(t)
	e := &earlierVersion{server: server, clock: newClock(), all: conformance.SearchUsers(60)}
	s, name := openMongo(t, server, e.configure)
	e.name = name
	for i := range e.all {
		must(t, s.Users().Create(t.Context(), e.all[i], domain.Outbox{}))
	}
	must(t, s.Settle(t.Context()))
	db := server.Client(t).Database(name)
	e.users = db.Collection("users")
	for i := range e.all {
		e.set(t, i, bson.D{}, bson.D{{Key: "ends", Value: ""}, {Key: "tri", Value: ""}})
	}
	for _, index := range []string{"ends", "tri", "old_format"} {
		must(t, e.users.Indexes().DropOne(t.Context(), index))
	}
	_, err := e.users.Indexes().CreateOne(t.Context(), mongo.IndexModel{
		Keys:    bson.D{{Key: "grams", Value: 1}, {Key: "doc.createdat", Value: 1}, {Key: "_id", Value: 1}},
		Options: options.Index().SetName("search"),
	})
	must(t, err)
	_, err = db.Collection("meta").DeleteOne(t.Context(), bson.D{{Key: "_id", Value: "search"}})
	must(t, err)
	_, err = db.Collection("meta").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "schema"}},
		bson.D{{Key: "$inc", Value: bson.D{{Key: "version", Value: -1}}}})
	must(t, err)
	return e
}

func (e *earlierVersion) configure(c *mongostore.Config) {
	c.Clock = e.clock
	if e.name != "" {
		c.Database = e.name
	}
}

func (e *earlierVersion) open(t *testing.T) *mongostore.Store {
	t.Helper()
	s, _ := openMongo(t, e.server, e.configure)
	return s
}

// set writes a user as the earlier version does.
func (e *earlierVersion) set(t *testing.T, i int, set, unset bson.D) {
	t.Helper()
	update := bson.D{
		{Key: "$set", Value: append(set, bson.E{Key: "grams", Value: grams(e.all[i].SearchText)})},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: 1}}},
	}
	if len(unset) > 0 {
		update = append(update, bson.E{Key: "$unset", Value: unset})
	}
	_, err := e.users.UpdateOne(t.Context(), bson.D{{Key: "_id", Value: string(e.all[i].ID)}}, update)
	must(t, err)
}

// rename changes the full name of a user on a node of the earlier version, which keeps the fields it does not know.
func (e *earlierVersion) rename(t *testing.T, i int, fullName string) {
	t.Helper()
	u := &e.all[i]
	u.SearchText = u.UsernameKey + "\n" + u.EmailKey + "\n" + fullName
	e.set(t, i, bson.D{{Key: "doc.searchtext", Value: u.SearchText}}, nil)
}

func (e *earlierVersion) check(t *testing.T, s *mongostore.Store) {
	t.Helper()
	s.SetFewFound(3)
	conformance.CheckSearches(t, s.Ports(), e.all, 25)
}

// left returns the number of users in the earlier format.
func (e *earlierVersion) left(t *testing.T) int64 {
	t.Helper()
	n, err := e.users.CountDocuments(t.Context(), bson.D{{Key: "grams", Value: bson.D{{Key: "$exists", Value: true}}}})
	must(t, err)
	return n
}

func TestSearchFindsUsersOfBothFormatsDuringRollingUpgrade(t *testing.T) {
	t.Parallel()
	e := newEarlierVersion(t)
	s := e.open(t)
	e.check(t, s)
	must(t, s.ConvertSearch(t.Context()))
	if n := e.left(t); n != int64(len(e.all)) {
		t.Fatalf("within the hour %d users are in the earlier format, want all %d", n, len(e.all))
	}
	change := func(i int) {
		t.Helper()
		u := &e.all[i]
		u.SearchText += "x"
		_, err := s.Users().Update(t.Context(), u.ID, func(stored *domain.User, _ *domain.Outbox) error {
			stored.SearchText = u.SearchText
			return nil
		})
		must(t, err)
	}
	change(3)
	n, err := e.users.CountDocuments(t.Context(), bson.D{
		{Key: "_id", Value: string(e.all[3].ID)},
		{Key: "grams", Value: bson.D{{Key: "$all", Value: grams(e.all[3].SearchText)}}},
		{Key: "tri", Value: bson.D{{Key: "$exists", Value: true}}},
	})
	if err != nil || n != 1 {
		t.Errorf("nodes of both versions find %d users that the present one wrote, want 1 (%v)", n, err)
	}
	e.rename(t, 3, "zoe annan") // keeps "ends" and "tri" of the name before
	e.rename(t, 4, "anna zoeller")
	e.check(t, s)
}

func TestSearchIsRightAtEachStepOfConversion(t *testing.T) {
	t.Parallel()
	e := newEarlierVersion(t)
	first := e.open(t)
	e.clock.advance(2 * time.Hour)
	for want := int64(len(e.all)) - 20; want >= 20; want -= 20 {
		if more, err := first.ConvertSearchBatch(t.Context(), 20); err != nil || !more {
			t.Fatalf("a batch: more %v, %v", more, err)
		}
		if n := e.left(t); n != want {
			t.Fatalf("%d users are left, want %d", n, want)
		}
		e.check(t, first)
	}
	second := e.open(t)
	must(t, second.ConvertSearch(t.Context()))
	if n := e.left(t); n == 0 {
		t.Error("a second node converts under the lease of the first")
	}
	e.clock.advance(2 * time.Minute) // the first node is gone
	must(t, second.ConvertSearch(t.Context()))
	if n := e.left(t); n != 0 {
		t.Errorf("%d users are left after the conversion", n)
	}
	e.check(t, second)
	e.rename(t, 7, "late zoeller") // by a node that was not upgraded within the hour
	e.check(t, second)
	must(t, second.ConvertSearch(t.Context()))
	if n := e.left(t); n != 0 {
		t.Errorf("%d users are left after the late change", n)
	}
	e.check(t, second)
}

func TestSearchConversionReplacesOldIndex(t *testing.T) {
	t.Parallel()
	e := newEarlierVersion(t)
	s := e.open(t)
	e.clock.advance(2 * time.Hour)
	must(t, s.ConvertSearch(t.Context()))
	specs, err := e.users.Indexes().ListSpecifications(t.Context())
	must(t, err)
	var names []string
	for _, spec := range specs {
		names = append(names, spec.Name)
	}
	if slices.Contains(names, "search") || !slices.Contains(names, "old_format") || !slices.Contains(names, "ends") {
		t.Errorf("the indexes after the conversion are %v", names)
	}
	e.check(t, s)
}

// TestSearchEstimatesTotalOfSlowCount checks that a page is complete when its count is not in time, and that the
// estimate of few users, who are all in the sample, is right.
func TestSearchEstimatesTotalOfSlowCount(t *testing.T) {
	t.Parallel()
	s, _ := openMongo(t, mongod.Shared(t), func(c *mongostore.Config) { c.Timeout = time.Minute })
	s.SetFewFound(3)
	s.SetCountWithin(0)
	users := conformance.SearchUsers(60)
	var want int64
	for i := range users {
		must(t, s.Users().Create(t.Context(), users[i], domain.Outbox{}))
		if users[i].Status == domain.StatusActive && strings.Contains(users[i].SearchText, "exam") {
			want++
		}
	}
	for _, sort := range []domain.UserSort{domain.SortCreatedDesc, domain.SortUsername, domain.SortLastLogin} {
		q := domain.UserQuery{
			Search: "exam", Status: domain.StatusActive, Sort: sort, Page: domain.Page{Limit: len(users)},
		}
		page, err := s.Users().List(t.Context(), q)
		must(t, err)
		if int64(len(page.Users)) != want || page.Total != want || !page.TotalEstimated {
			t.Errorf("by %s there are %d users of %d (estimated: %v), want %d, estimated", sort, len(page.Users), page.Total,
				page.TotalEstimated, want)
		}
	}
}
