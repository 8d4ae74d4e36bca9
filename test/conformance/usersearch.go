package conformance

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// UserSearch tests the search of the list of a ports.UserStore against a filter that compares every user.
func UserSearch(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"answers every query as a comparison of all users does": searchAnswers,
		"answers so after changes and deletions":                searchAnswersAfterChanges,
	})
}

// searchUsers returns users whose names share many parts. Some were created at the same time, and some names begin with
// parts that others have elsewhere.
func searchUsers(random *rand.Rand, n int) []domain.User {
	users := make([]domain.User, n)
	for i := range users {
		u := newUser(i)
		first := []string{"ann", "anna", "zoe", "ana.z", "ü.ñ", "a+b", "日本語", "😀z"}[random.IntN(8)]
		last := []string{"zoeller", "smith", "sm", "annan", "(x|y)", "語x", "ss_%s"}[random.IntN(7)]
		u.Username = fmt.Sprintf("%s.%s.%02d", first, last, i)
		u.Email = fmt.Sprintf("%s%02d@%s", []string{last, first, "zoe", "x"}[random.IntN(4)], i,
			[]string{"example.com", "anna.example", "zoe.org"}[random.IntN(3)])
		u.FullName = last + " " + first
		if i%9 == 0 {
			u.Email = ""
		}
		u.UsernameKey, u.EmailKey = u.Username, u.Email
		u.SearchText = u.UsernameKey + "\n" + u.EmailKey + "\n" + u.FullName
		u.CreatedAt = epoch.Add(time.Duration(random.IntN(n)/6) * time.Second)
		u.LastLogin = epoch.Add(time.Duration(random.IntN(n)) * time.Minute)
		u.Role = []domain.RoleID{domain.RoleUser, domain.RoleUser, domain.RoleAdmin}[random.IntN(3)]
		u.Status = []domain.UserStatus{domain.StatusActive, domain.StatusPending}[random.IntN(2)]
		if random.IntN(3) == 0 {
			u.Groups = []domain.GroupID{"grp_a"}
		}
		users[i] = u
	}
	return users
}

// searchTerm returns a part of a user's names or a term that few have.
func searchTerm(random *rand.Rand, users []domain.User) string {
	if random.IntN(8) == 0 {
		return []string{"zz", "q", ".z.", "x|", "annanna", "example.org", "@", "e.com", "語", "😀", "_%", "\\"}[random.IntN(12)]
	}
	lines := strings.Split(users[random.IntN(len(users))].SearchText, "\n")
	line := []rune(lines[random.IntN(len(lines))])
	if len(line) == 0 {
		return "a"
	}
	begin := random.IntN(len(line))
	if random.IntN(2) == 0 {
		begin = 0
	}
	return string(line[begin : begin+1+random.IntN(min(len(line)-begin, 14))])
}

func searchQuery(random *rand.Rand, users []domain.User) domain.UserQuery {
	q := domain.UserQuery{Search: searchTerm(random, users), Sort: userSorts[random.IntN(len(userSorts))]}
	if random.IntN(3) == 0 {
		q.Role = domain.RoleAdmin
	}
	if random.IntN(4) == 0 {
		q.Status = domain.StatusActive
	}
	if random.IntN(4) == 0 {
		q.Group = "grp_a"
	}
	if random.IntN(6) == 0 {
		q.ExcludeRole = domain.RoleAdmin
	}
	return q
}

// checkAnswers compares the list with that of a filter over all users, by cursor and by page number.
func checkAnswers(t *testing.T, s Stores, q domain.UserQuery, users []domain.User, limit int) {
	t.Helper()
	want := map[domain.UserID]bool{}
	for i := range users {
		if userMatches(&q, &users[i]) {
			want[users[i].ID] = true
		}
	}
	checkList(t, s, q, want)
	var numbered []domain.User
	for number := 1; ; number++ {
		q.Page = domain.Page{Number: number, Limit: limit}
		page, err := s.Users.List(t.Context(), q)
		must(t, err)
		numbered = append(numbered, page.Users...)
		if page.Next == nil {
			break
		}
	}
	q.Page = domain.Page{}
	if byCursor := listAll(t, s, q, limit); !slices.Equal(usernames(numbered), usernames(byCursor)) {
		t.Errorf("%+v gave by number %v, by cursor %v", q, usernames(numbered), usernames(byCursor))
	}
}

func searchAnswers(t *testing.T, s Stores) {
	random := rand.New(rand.NewPCG(12, 6))
	users := searchUsers(random, 90)
	for i := range users {
		must(t, s.Users.Create(t.Context(), users[i], domain.Outbox{}))
	}
	checkSearches(t, s, random, users, 120)
}

// SearchUsers returns users for CheckSearches.
func SearchUsers(n int) []domain.User {
	return searchUsers(rand.New(rand.NewPCG(12, 6)), n)
}

// CheckSearches compares the answers to many queries with those of a comparison of all users.
func CheckSearches(t *testing.T, s Stores, users []domain.User, queries int) {
	t.Helper()
	checkSearches(t, s, rand.New(rand.NewPCG(6, 12)), users, queries)
}

func checkSearches(t *testing.T, s Stores, random *rand.Rand, users []domain.User, queries int) {
	t.Helper()
	for range queries {
		checkAnswers(t, s, searchQuery(random, users), users, 1+random.IntN(12))
	}
}

func searchAnswersAfterChanges(t *testing.T, s Stores) {
	random := rand.New(rand.NewPCG(14, 4))
	users := searchUsers(random, 80)
	for i := range users {
		must(t, s.Users.Create(t.Context(), users[i], domain.Outbox{}))
	}
	others := searchUsers(random, len(users))
	for i := range users {
		switch i % 4 {
		case 0:
			_, err := s.Users.Update(t.Context(), users[i].ID, func(u *domain.User, _ *domain.Outbox) error {
				u.FullName, u.SearchText = others[i].FullName, u.UsernameKey+"\n"+u.EmailKey+"\n"+others[i].FullName
				u.Role, u.Groups = others[i].Role, others[i].Groups
				return nil
			})
			must(t, err)
			users[i].SearchText = users[i].UsernameKey + "\n" + users[i].EmailKey + "\n" + others[i].FullName
			users[i].Role, users[i].Groups = others[i].Role, others[i].Groups
		case 1:
			must(t, s.Users.Delete(t.Context(), users[i].ID, domain.Outbox{}))
			users[i].SearchText = ""
		}
	}
	kept := slices.DeleteFunc(slices.Clone(users), func(u domain.User) bool { return u.SearchText == "" })
	checkSearches(t, s, random, kept, 60)
}
