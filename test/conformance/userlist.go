package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// UserList tests the list of a ports.UserStore.
func UserList(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives every combination of filters in every order":  listCombinations,
		"pages by number and by cursor alike":                listPages,
		"gives everybody once where keys are equal":          listEquals,
		"follows changes and removals at once":               listFollows,
		"finds parts of one, two, three and more characters": listSearches,
		"takes a search for text and never for a pattern":    listPatterns,
		"refuses cursors and orders that are none":           listRefusals,
		"leaves the total out where it is not wanted":        listNoTotal,
		"walks through a list that changes meanwhile":        listMoving,
	})
}

var userSorts = []domain.UserSort{
	domain.SortCreatedDesc, domain.SortCreated, domain.SortUsername, domain.SortUsernameDesc,
	domain.SortEmail, domain.SortEmailDesc, domain.SortLastLogin, domain.SortLastLoginDesc,
}

// mixedUsers stores users with different values of everything that can be filtered by.
func mixedUsers(t *testing.T, s Stores, n int) []domain.User {
	t.Helper()
	users := make([]domain.User, n)
	for i := range users {
		u := newUser(i*7%n + 100) // names in another order than times
		u.CreatedAt = epoch.Add(time.Duration(i) * time.Second)
		u.Role = []domain.RoleID{domain.RoleUser, domain.RoleAdmin, domain.RoleSudo}[i%3]
		u.Status = []domain.UserStatus{
			domain.StatusActive, domain.StatusActive, domain.StatusDeactivated,
			domain.StatusPending,
		}[i%4]
		u.Directory = []domain.DirectoryID{"local", "corp"}[i%2]
		if i%5 == 0 {
			u.Groups = []domain.GroupID{"grp_a"}
		}
		if i%7 == 0 {
			u.Groups = append(u.Groups, "grp_b")
		}
		if i%3 > 0 {
			u.LastLogin = epoch.Add(time.Duration(i*11%n) * time.Minute)
		}
		if i%10 == 9 {
			u.Email, u.EmailKey = "", ""
		}
		u.SearchText = u.UsernameKey + "\n" + u.EmailKey + "\n" + strings.ToLower(u.FullName)
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
		users[i] = u
	}
	return users
}

func userMatches(q *domain.UserQuery, u *domain.User) bool {
	found := q.Search == ""
	for line := range strings.SplitSeq(u.SearchText, "\n") {
		found = found || strings.Contains(line, q.Search)
	}
	return found && (q.Role == "" || q.Role == u.Role) && (q.ExcludeRole == "" || q.ExcludeRole != u.Role) &&
		(q.Group == "" || slices.Contains(u.Groups, q.Group)) && (q.Status == "" || q.Status == u.Status) &&
		(q.Directory == "" || q.Directory == u.Directory)
}

// compareUsers compares by the order; equals may come in any order.
func compareUsers(sort domain.UserSort) func(a, b domain.User) int {
	name, descending := strings.CutPrefix(string(sort), "-")
	compare := func(a, b domain.User) int {
		switch domain.UserSort(name) {
		case domain.SortUsername:
			return cmp.Compare(a.UsernameKey, b.UsernameKey)
		case domain.SortEmail:
			return cmp.Compare(a.EmailKey, b.EmailKey)
		case domain.SortLastLogin:
			return a.LastLogin.Compare(b.LastLogin)
		default:
			return a.CreatedAt.Compare(b.CreatedAt)
		}
	}
	if descending {
		return func(a, b domain.User) int { return compare(b, a) }
	}
	return compare
}

// listAll reads the whole list by cursor.
func listAll(t *testing.T, s Stores, q domain.UserQuery, limit int) []domain.User {
	t.Helper()
	var users []domain.User
	q.Page = domain.Page{Number: 1, Limit: limit}
	for range 1000 {
		page, err := s.Users.List(t.Context(), q)
		must(t, err)
		users = append(users, page.Users...)
		if page.Next == nil {
			return users
		}
		q.Page.After = page.Next
	}
	t.Fatal("the list has no end")
	return nil
}

func userQueries() []domain.UserQuery {
	queries := []domain.UserQuery{{}}
	multiply := func(changes ...func(*domain.UserQuery)) {
		for _, q := range slices.Clone(queries) {
			for _, change := range changes {
				changed := q
				change(&changed)
				queries = append(queries, changed)
			}
		}
	}
	multiply(func(q *domain.UserQuery) { q.Role = domain.RoleAdmin },
		func(q *domain.UserQuery) { q.ExcludeRole = domain.RoleSudo })
	multiply(func(q *domain.UserQuery) { q.Status = domain.StatusActive })
	multiply(func(q *domain.UserQuery) { q.Directory = "corp" })
	multiply(func(q *domain.UserQuery) { q.Group = "grp_a" })
	multiply(func(q *domain.UserQuery) { q.Search = "r00" }, func(q *domain.UserQuery) { q.Search = "user0001" })
	return queries
}

func listCombinations(t *testing.T, s Stores) {
	users := mixedUsers(t, s, 110) // more than fit into the page that is asked for, and more than are folded at once
	for _, q := range userQueries() {
		want := map[domain.UserID]bool{}
		for i := range users {
			if userMatches(&q, &users[i]) {
				want[users[i].ID] = true
			}
		}
		for _, sort := range userSorts {
			q.Sort = sort
			checkList(t, s, q, want)
		}
	}
	for _, q := range []domain.UserQuery{
		{Role: "none"},
		{Group: "grp_none"},
		{Search: "zzz"},
		{Role: domain.RoleUser, ExcludeRole: domain.RoleUser},
	} {
		if got := listAll(t, s, q, 10); len(got) != 0 {
			t.Errorf("%+v gave %d users, want none", q, len(got))
		}
	}
}

func checkList(t *testing.T, s Stores, q domain.UserQuery, want map[domain.UserID]bool) {
	t.Helper()
	got := listAll(t, s, q, 9)
	seen := map[domain.UserID]bool{}
	for i := range got {
		if !want[got[i].ID] || seen[got[i].ID] {
			t.Errorf("%+v gave %s, which does not match or came twice", q, got[i].Username)
		}
		seen[got[i].ID] = true
	}
	if len(got) != len(want) {
		t.Errorf("%+v gave %d users, want %d", q, len(got), len(want))
	}
	if !slices.IsSortedFunc(got, compareUsers(q.Sort)) {
		t.Errorf("%+v is not in its order", q)
	}
	q.Page = domain.Page{Number: 1, Limit: 3}
	page, err := s.Users.List(t.Context(), q)
	must(t, err)
	if page.Total != int64(len(want)) || page.TotalEstimated {
		t.Errorf("%+v has total %d (estimated: %v), want %d", q, page.Total, page.TotalEstimated, len(want))
	}
}

func usernames(users []domain.User) []string {
	names := make([]string, len(users))
	for i := range users {
		names[i] = users[i].Username
	}
	return names
}

func listPages(t *testing.T, s Stores) {
	mixedUsers(t, s, 25)
	for _, q := range []domain.UserQuery{
		{},
		{Sort: domain.SortEmail},
		{Status: domain.StatusPending, Sort: domain.SortLastLogin},
		{Search: "use"},
	} {
		want := usernames(listAll(t, s, q, 4))
		var got []string
		for number := 1; number < 20; number++ {
			q.Page = domain.Page{Number: number, Limit: 4}
			page, err := s.Users.List(t.Context(), q)
			must(t, err)
			got = append(got, usernames(page.Users)...)
			if page.Next == nil {
				break
			}
		}
		same(t, got, want)
	}
}

func listEquals(t *testing.T, s Stores) {
	const n = 30
	for i := range n {
		u := newUser(i)
		u.CreatedAt, u.LastLogin, u.Email, u.EmailKey = epoch, epoch, "", ""
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	}
	for _, sort := range userSorts {
		names := usernames(listAll(t, s, domain.UserQuery{Sort: sort}, 7))
		slices.Sort(names)
		if got := len(slices.Compact(names)); got != n {
			t.Errorf("order %s gave %d different users, want %d", sort, got, n)
		}
	}
}

func listFollows(t *testing.T, s Stores) {
	users := mixedUsers(t, s, 12)
	check := func(q domain.UserQuery, want int) {
		t.Helper()
		if got := len(listAll(t, s, q, 5)); got != want {
			t.Errorf("%+v gives %d users, want %d", q, got, want)
		}
		q.Page = domain.Page{Number: 1, Limit: 1}
		page, err := s.Users.List(t.Context(), q)
		must(t, err)
		if page.Total != int64(want) {
			t.Errorf("%+v has total %d, want %d", q, page.Total, want)
		}
	}
	change := func(id domain.UserID, f func(u *domain.User)) {
		t.Helper()
		_, err := s.Users.Update(t.Context(), id, func(u *domain.User, _ *domain.Outbox) error {
			f(u)
			return nil
		})
		must(t, err)
	}
	check(domain.UserQuery{Group: "grp_b"}, 2)
	check(domain.UserQuery{Role: domain.RoleGuest}, 0)
	change(users[1].ID, func(u *domain.User) {
		u.Groups, u.Role, u.SearchText = []domain.GroupID{"grp_b", "grp_c"}, domain.RoleGuest, "renamed\n\nsomebody new"
	})
	check(domain.UserQuery{Group: "grp_b"}, 3)
	check(domain.UserQuery{Role: domain.RoleGuest, Group: "grp_c"}, 1)
	check(domain.UserQuery{Search: "ebody n"}, 1)
	check(domain.UserQuery{Search: users[1].UsernameKey}, 0)
	must(t, s.Users.Delete(t.Context(), users[1].ID, domain.Outbox{}))
	check(domain.UserQuery{Group: "grp_b"}, 2)
	check(domain.UserQuery{Role: domain.RoleGuest}, 0)
	check(domain.UserQuery{Search: "ebody n"}, 0)
	check(domain.UserQuery{}, 11)
}

func listSearches(t *testing.T, s Stores) {
	for i, text := range []string{
		"john.doe\njohn@example.com\njohn doe", "žluťoučký\nkun@example.org\nkůň",
		"ab\ncd@x\nef",
	} {
		u := newUser(i)
		u.SearchText = text
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	}
	longest := strings.Repeat("qrstuvwy", 8) + "@" + strings.Repeat(strings.Repeat("k", 46)+".", 4) + "e"
	for i, email := range []string{longest, "x" + longest[1:]} {
		u := newUser(50 + i)
		u.SearchText = "owner\n" + email + "\nowner"
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	}
	for i := range 100 { // so that some are in an index and some perhaps not yet
		u := newUser(100 + i)
		u.SearchText = fmt.Sprintf("filler%d\nfiller%d@example.net\nfiller", i, i)
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	}
	for term, want := range map[string]int{
		"j": 1, "ž": 1, "jo": 1, "ťo": 1, "doe": 1, "ůň": 1, "uťo": 1, "example.o": 1, "john.doe": 1, "john doe": 1,
		"hn@exam": 1,
		"ab\ncd":  0, "bc": 0, "doejohn": 0, "filler": 100, "ller5@example.net": 1, "xampl": 102, "x": 104,
		"žluťoučký kůň": 0,
		longest:         1, longest[1:]: 2, longest[:200]: 1, longest[1:] + "e": 0,
	} {
		for _, sort := range []domain.UserSort{domain.SortCreatedDesc, domain.SortUsername} {
			if got := len(listAll(t, s, domain.UserQuery{Search: term, Sort: sort}, 50)); got != want {
				t.Errorf("search %q in order %s gave %d users, want %d", term, sort, got, want)
			}
		}
	}
}

func listPatterns(t *testing.T, s Stores) {
	u := newUser(1)
	u.SearchText = `we%ird_name*"` + "\n" + `a'b\c@x` + "\n(x|y)"
	must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
	for term, want := range map[string]int{
		`%`: 1, `_`: 1, `*`: 1, `"`: 1, `'`: 1, `\`: 1, `e%i`: 1, `d_n`: 1, `e*"`: 1, `a'b\c`: 1, `(x|y)`: 1,
		`.*`: 0, `e_i`: 0, `w%d`: 0, `(a+)+$`: 0, `" OR "`: 0, "e%ird_name*\" OR *": 0,
	} {
		if got := len(listAll(t, s, domain.UserQuery{Search: term}, 5)); got != want {
			t.Errorf("search %q gave %d users, want %d", term, got, want)
		}
	}
}

func listRefusals(t *testing.T, s Stores) {
	mixedUsers(t, s, 3)
	for _, q := range []domain.UserQuery{
		{Sort: "password"},
		{Sort: domain.SortEmail, Page: domain.Page{After: &domain.Cursor{Sort: "username", Key: "a", ID: "1"}}},
		{Page: domain.Page{After: &domain.Cursor{Sort: "-created_at", Key: "1", ID: "1; DROP TABLE users"}}},
		{Sort: domain.SortLastLogin, Page: domain.Page{After: &domain.Cursor{Sort: "last_login", Key: "yesterday", ID: "1"}}},
	} {
		if _, err := s.Users.List(t.Context(), q); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%+v: got %v, want ErrInvalid", q, err)
		}
	}
}

func listNoTotal(t *testing.T, s Stores) {
	mixedUsers(t, s, 3)
	page, err := s.Users.List(t.Context(), domain.UserQuery{NoTotal: true, Page: domain.Page{Number: 1, Limit: 2}})
	must(t, err)
	if page.Total != 0 || len(page.Users) != 2 || page.Next == nil {
		t.Errorf("the page has total %d and %d users", page.Total, len(page.Users))
	}
}

// listMoving checks that no user who exists throughout is skipped or returned twice while others are created and
// deleted.
func listMoving(t *testing.T, s Stores) {
	users := mixedUsers(t, s, 20)
	q := domain.UserQuery{Page: domain.Page{Number: 1, Limit: 3}}
	seen := map[domain.UserID]int{}
	for round := 0; ; round++ {
		page, err := s.Users.List(t.Context(), q)
		must(t, err)
		for i := range page.Users {
			seen[page.Users[i].ID]++
		}
		if page.Next == nil {
			break
		}
		q.Page.After = page.Next
		u := newUser(1000 + round)
		u.CreatedAt = epoch.Add(time.Hour)
		must(t, s.Users.Create(t.Context(), u, domain.Outbox{}))
		must(t, s.Users.Delete(t.Context(), page.Users[0].ID, domain.Outbox{}))
	}
	for i := range users {
		if seen[users[i].ID] != 1 {
			t.Errorf("%s came %d times", users[i].Username, seen[users[i].ID])
		}
	}
}
