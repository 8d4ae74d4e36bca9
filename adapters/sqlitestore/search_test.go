package sqlitestore_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/conformance"
)

// TestSearchReadsCommonTerms runs the suites of the list so that nearly every term is a common one, with users in the
// search index and with all users still pending for it.
func TestSearchReadsCommonTerms(t *testing.T) { //nolint:tparallel // the suites must end before the queries are checked
	t.Parallel()
	seen := &queryTexts{found: map[string]bool{}}
	t.Run("suites", func(t *testing.T) { //nolint:paralleltest // must end before the queries are checked
		open := func(t *testing.T) conformance.Stores {
			t.Helper()
			s := openObserved(t, seen)
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
	s := openStore(t, t.TempDir())
	for _, query := range seen.all() {
		checkPlan(t, s, query)
	}
}

// TestSearchMergesNamesThatBeginWithTerm reads, in the order of names, a common term that begins nearly all names it is
// in, with one user whose full name alone contains it.
func TestSearchMergesNamesThatBeginWithTerm(t *testing.T) {
	t.Parallel()
	seen := &queryTexts{found: map[string]bool{}}
	s := openObserved(t, seen)
	s.SetFewFound(3)
	users := conformance.SearchUsers(400)
	for i := range users {
		u := &users[i]
		name := fmt.Sprintf("ann.%03d", i)
		switch {
		case i == 200:
			u.FullName = "vladimir"
		case i >= 300:
			name = fmt.Sprintf("vladimir.%03d", i)
		}
		u.Username, u.UsernameKey, u.Email, u.EmailKey = name, name, name+"@example.com", name+"@example.com"
		u.SearchText = name + "\n" + u.Email + "\n" + u.FullName
	}
	if err := s.Users().CreateAll(t.Context(), users, domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	for sort, want := range map[domain.UserSort][]string{
		domain.SortUsername:     {"ann.200", "vladimir.300", "vladimir.301"},
		domain.SortUsernameDesc: {"vladimir.399", "vladimir.398", "vladimir.397"},
		domain.SortEmail:        {"ann.200", "vladimir.300", "vladimir.301"},
	} {
		q := domain.UserQuery{Search: "vladimir", Sort: sort, Page: domain.Page{Limit: len(want)}}
		page, err := s.Users().List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for i := range page.Users {
			got = append(got, page.Users[i].Username)
		}
		if !slices.Equal(got, want) || page.Total != 101 {
			t.Errorf("by %s the first are %v of %d, want %v of 101", sort, got, page.Total, want)
		}
	}
	merged := 0
	for _, query := range seen.all() {
		checkPlan(t, s, query)
		if strings.Contains(query, "EXCEPT") {
			merged++
		}
	}
	if merged == 0 {
		t.Error("no search merged the names that begin with the term with the others")
	}
}

// TestSearchFindsIndexedAndPendingUsers checks the answers when all users are in the index, and when some were changed
// since.
func TestSearchFindsIndexedAndPendingUsers(t *testing.T) {
	t.Parallel()
	s := openStore(t, t.TempDir())
	s.SetFewFound(3)
	users := conformance.SearchUsers(80)
	for i := range users {
		if err := s.Users().Create(t.Context(), users[i], domain.Outbox{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.IndexPending(t.Context()); err != nil {
		t.Fatal(err)
	}
	conformance.CheckSearches(t, s.Ports(), users, 60)
	for i := 0; i < len(users); i += 3 {
		users[i].FullName = fmt.Sprint("zoe changed ", i)
		users[i].SearchText = users[i].UsernameKey + "\n" + users[i].EmailKey + "\n" + users[i].FullName
		users[i].UpdatedAt = users[i].UpdatedAt.Add(time.Second)
		_, err := s.Users().Update(t.Context(), users[i].ID, func(u *domain.User, _ *domain.Outbox) error {
			u.FullName, u.SearchText = users[i].FullName, users[i].SearchText
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	conformance.CheckSearches(t, s.Ports(), users, 60)
}
