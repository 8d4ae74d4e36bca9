package bench_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

var million = flag.Bool("million", false, "measure the list of users also at a million, which takes minutes to make")

var (
	firstNames = []string{
		"anna", "john", "peter", "maria", "ivan", "lucie", "karel", "olga", "mike", "zoe", "petra",
		"adam", "eva", "tomas",
	}
	lastNames = []string{
		"novak", "smith", "dvorak", "miller", "svoboda", "brown", "cerny", "garcia", "kucera", "jones",
		"vesely",
	}
	firstUser = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
)

// benchUser returns the i-th of many users, a hundred seconds after the one before.
func benchUser(random *rand.Rand, i int) domain.User {
	first, last := firstNames[random.IntN(len(firstNames))], lastNames[random.IntN(len(lastNames))]
	name := fmt.Sprintf("%s.%s.%07d", first, last, i)
	at := firstUser.Add(time.Duration(i) * 100 * time.Second)
	u := domain.User{
		ID: domain.UserID(fmt.Sprintf("usr_%026d", i)), Identifier: fmt.Sprintf("%08x", i), Username: name, UsernameKey: name,
		Email: name + "@example.com", EmailKey: name + "@example.com", Person: domain.Person{FullName: first + " " + last},
		SearchText: name + "\n" + name + "@example.com\n" + first + " " + last,
		Role:       domain.RoleUser, Status: domain.StatusActive, Directory: "local", CreatedAt: at, UpdatedAt: at,
		LastLogin: at,
		Password:  &domain.PasswordCredential{Hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2Fs$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", ChangedAt: at},
		Sessions:  []domain.SessionRef{{ID: domain.SessionID(fmt.Sprintf("sess_%026d", i)), ExpiresAt: at.Add(time.Hour)}},
	}
	if i%20 == 0 {
		u.Status = domain.StatusDeactivated
	}
	if i%1000 == 1 {
		u.Role = domain.RoleAdmin
	}
	if i%10 == 0 {
		u.Groups = []domain.GroupID{"grp_large"}
	}
	return u
}

// addUsers stores count users.
func addUsers(b *testing.B, k *kit.Kit, count int) {
	b.Helper()
	random := rand.New(rand.NewPCG(1, 2)) // the same every time
	for done := 0; done < count; {
		users := make([]domain.User, 0, 1000)
		for range min(1000, count-done) {
			users = append(users, benchUser(random, done))
			done++
		}
		if err := k.Store.Users().CreateAll(b.Context(), users, domain.Outbox{}); err != nil {
			b.Fatal(err)
		}
	}
}

// listLimit is the limit of the processor time of a page of a list without a search, in milliseconds.
const listLimit = 0.25

// BenchmarkUserList measures the list, at 100,000 users and with -million at a million.
func BenchmarkUserList(b *testing.B) {
	counts := []int{100_000}
	if *million {
		counts = append(counts, 1_000_000)
	}
	for _, count := range counts {
		b.Run(strconv.Itoa(count), func(b *testing.B) {
			k := kit.New(b)
			addUsers(b, k, count)
			for name, query := range userQueries(count) {
				query.Page.Limit = domain.DefaultPageLimit
				b.Run(name, func(b *testing.B) { listUsers(b, k, strconv.Itoa(count)+", "+name, query) })
			}
		})
	}
}

func listUsers(b *testing.B, k *kit.Kit, name string, query domain.UserQuery) {
	page, err := k.Store.Users().List(b.Context(), query) // so that the statements are prepared
	if err != nil {
		b.Fatal(err)
	}
	before := cpuTime(b)
	for b.Loop() {
		if page, err = k.Store.Users().List(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
	if cost := float64((cpuTime(b) - before).Microseconds()) / 1000 / float64(b.N); query.Search == "" {
		withLimit(b, "list of "+name, cost, listLimit, "cpu-ms/op")
	} else {
		b.ReportMetric(cost, "cpu-ms/op")
	}
	b.ReportMetric(float64(len(page.Users)), "rows")
}

func userQueries(count int) map[string]domain.UserQuery {
	deep := func(sort domain.UserSort, i int, key func(at time.Time) int64) domain.Page {
		at := firstUser.Add(time.Duration(i) * 100 * time.Second)
		return domain.Page{After: &domain.Cursor{
			Sort: string(sort), Key: strconv.FormatInt(key(at), 10), ID: strconv.FormatInt(at.UnixMilli()<<10, 10),
		}}
	}
	place := func(at time.Time) int64 { return at.UnixMilli() << 10 }
	return map[string]domain.UserQuery{
		"first page":  {},
		"90 % deep":   {Page: deep(domain.SortCreatedDesc, count/10, place)},
		"page 400":    {Page: domain.Page{Number: 400}},
		"by username": {Sort: domain.SortUsername},
		"by username, deep": {
			Sort: domain.SortUsername,
			Page: domain.Page{After: &domain.Cursor{Sort: "username", Key: "tomas", ID: "1"}},
		},
		"by last login, deep": {
			Sort: domain.SortLastLogin,
			Page: deep(domain.SortLastLogin, count*9/10, time.Time.UnixMicro),
		},
		"rare role":               {Role: domain.RoleAdmin},
		"rare role by e-mail":     {Role: domain.RoleAdmin, Sort: domain.SortEmail},
		"role and status":         {Role: domain.RoleAdmin, Status: domain.StatusActive},
		"deactivated by username": {Status: domain.StatusDeactivated, Sort: domain.SortUsernameDesc},
		"without a role":          {ExcludeRole: domain.RoleSudo},
		"group":                   {Group: "grp_large"},
		"group by username":       {Group: "grp_large", Sort: domain.SortUsername},
		"search common":           {Search: "com"},
		"search rarer":            {Search: "zoe"},
		"search rare":             {Search: "777"},
		"search nobody":           {Search: "qzx"},
		"search one letter":       {Search: "a"},
		"search two letters":      {Search: "qz"},
		"search long":             {Search: "zoe.smith.00"},
		"search long, rare":       {Search: "karel.garcia.0001"},
		"search by e-mail":        {Search: "zoe", Sort: domain.SortEmail},
		"search and role":         {Search: "com", Role: domain.RoleAdmin},
		"search and status":       {Search: "com", Status: domain.StatusDeactivated},
		"search and group":        {Search: "zoe", Group: "grp_large"},
	}
}
