package bench_test

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// millionSearch is a search of a million users.
type millionSearch struct {
	name  string
	query domain.UserQuery
	limit float64 // of SQLite, in milliseconds
}

const (
	addressLimit = 5.0
	shortLimit   = 2.0
	orderLimit   = 20.0
	// mongoDBLimit is the limit of every search of MongoDB.
	mongoDBLimit = 20.0
)

// millionSearches returns the searches. known is a user in the middle of the order of creation.
func millionSearches(known *domain.User) []millionSearch {
	var all []millionSearch
	add := func(name string, limit float64, q domain.UserQuery) {
		q.Page.Limit = domain.DefaultPageLimit
		all = append(all, millionSearch{name, q, limit})
	}
	add("whole address", addressLimit, domain.UserQuery{Search: known.EmailKey})
	add("whole address of nobody", addressLimit, domain.UserQuery{Search: "anna.novak.9999999@example.com"})
	add("whole username by name", addressLimit, domain.UserQuery{Search: known.UsernameKey, Sort: domain.SortUsername})
	for _, term := range []string{"a", "7", "zo", "qz", ".n", "@e"} {
		add(fmt.Sprintf("short %q", term), shortLimit, domain.UserQuery{Search: term})
	}
	for _, term := range []string{"zo", "zoe", "com", "smith", "@example.com", "zoe.vesely"} {
		for _, sort := range []domain.UserSort{
			domain.SortUsername, domain.SortUsernameDesc, domain.SortEmail, domain.SortLastLogin, domain.SortLastLoginDesc,
		} {
			add(fmt.Sprintf("common %q, %s", term, sort), orderLimit, domain.UserQuery{Search: term, Sort: sort})
		}
	}
	for _, term := range []string{"777", "zoe", "@example.com", "karel.garcia"} {
		add(fmt.Sprintf("%q", term), orderLimit, domain.UserQuery{Search: term})
	}
	add("common and role", orderLimit, domain.UserQuery{Search: "com", Role: domain.RoleAdmin, Sort: domain.SortEmail})
	for _, sort := range []domain.UserSort{domain.SortCreatedDesc, domain.SortUsername, domain.SortLastLogin} {
		add("common and status, "+string(sort), orderLimit,
			domain.UserQuery{Search: "zoe", Status: domain.StatusDeactivated, Sort: sort})
	}
	return all
}

// measureSearches measures each search, which reads a page and counts. used returns the processor time so far, of the
// service and its server.
func measureSearches(b *testing.B, store string, users ports.UserStore, used func(testing.TB) time.Duration,
	limit func(millionSearch) float64,
) {
	b.Helper()
	known, err := users.Get(b.Context(), "usr_00000000000000000000500123")
	if err != nil {
		b.Fatal(err)
	}
	for _, s := range millionSearches(&known) {
		b.Run(s.name, func(b *testing.B) {
			page, err := users.List(b.Context(), s.query) // so that the statements are prepared
			before := used(b)
			for b.Loop() {
				if err == nil {
					page, err = users.List(b.Context(), s.query)
				}
			}
			if err != nil {
				b.Fatal(err)
			}
			cost := float64((used(b) - before).Microseconds()) / 1000 / float64(b.N)
			withLimit(b, store+", a million: search "+s.name, cost, limit(s), "cpu-ms/op")
			b.ReportMetric(float64(len(page.Users)), "rows")
			b.ReportMetric(float64(page.Total), "total")
		})
	}
}

// BenchmarkMillionSearch measures the searches of the SQLite store at a million users.
func BenchmarkMillionSearch(b *testing.B) {
	dir := filepath.Join(millionUsers(b), "data")
	s, err := sqlitestore.Open(b.Context(), sqlitestore.Config{
		Dir: dir, Clock: sysclock.Clock{},
		Migrating: func(step string, number, of int, took time.Duration) {
			b.Logf("%s (%d of %d), %s", step, number, of, took.Round(time.Second))
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.Context())) })
	measureSearches(b, "SQLite", s.Users(), cpuTime, func(s millionSearch) float64 { return s.limit })
}
