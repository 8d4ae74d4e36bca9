package sqlitestore_test

import (
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
)

var (
	storeDir = flag.String("stores", "", "keep the large stores of the benchmarks in this folder, for the next run")
	million  = flag.Bool("million", false, "run the benchmarks also with a million users and five million audit entries")
)

var (
	firstNames = []string{"anna", "john", "peter", "maria", "ivan", "lucie", "karel", "olga", "mike", "zoe", "petra", "adam", "eva", "tomas"}
	lastNames  = []string{"novak", "smith", "dvorak", "miller", "svoboda", "brown", "cerny", "garcia", "kucera", "jones", "vesely"}
	benchStart = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
)

// benchUser returns the i-th of many users.
func benchUser(random *rand.Rand) func(i int) domain.User {
	return func(i int) domain.User {
		first, last := firstNames[random.IntN(len(firstNames))], lastNames[random.IntN(len(lastNames))]
		name := fmt.Sprintf("%s.%s.%07d", first, last, i)
		at := benchStart.Add(time.Duration(i) * 100 * time.Second)
		status := domain.StatusActive
		if i%20 == 0 {
			status = domain.StatusDeactivated
		}
		u := domain.User{
			ID: domain.UserID(fmt.Sprintf("usr_%026d", i)), Identifier: fmt.Sprintf("%08x", i), Username: name, UsernameKey: name,
			Email: name + "@example.com", EmailKey: name + "@example.com", FullName: first + " " + last,
			SearchText: name + "\n" + name + "@example.com\n" + first + " " + last,
			Role:       domain.RoleUser, Status: status, Directory: "local", CreatedAt: at, UpdatedAt: at, LastLogin: at,
			Password: &domain.PasswordCredential{Hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2Fs$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNo", ChangedAt: at},
			Sessions: []domain.SessionRef{{ID: domain.SessionID(fmt.Sprintf("sess_%026d", i)), ExpiresAt: at}},
		}
		if i%1000 == 0 {
			u.Role = domain.RoleAdmin
		}
		if i%10 == 0 {
			u.Groups = []domain.GroupID{"grp_large"}
		}
		return u
	}
}

func benchEntry(random *rand.Rand) func(i int) domain.AuditEntry {
	return func(i int) domain.AuditEntry {
		user := random.IntN(20_000)
		if random.IntN(10) == 0 {
			user = 7 // one who is in everywhere
		}
		return domain.AuditEntry{
			ID: domain.LogID(fmt.Sprintf("log_%026d", i)), Time: benchStart.Add(time.Duration(i) * 10 * time.Second),
			UserID: fmt.Sprintf("usr_%026d", user), Action: domain.Actions[min(random.IntN(len(domain.Actions)), random.IntN(len(domain.Actions)))],
			Success: random.IntN(20) > 0, IPAddress: fmt.Sprintf("192.0.%d.%d", user%16, user%250), UserAgent: "Mozilla/5.0 (X11; Linux x86_64)",
			RequestID: fmt.Sprintf("req-%08d", i/2), Target: fmt.Sprintf("usr_%026d", random.IntN(20_000)), Details: map[string]any{"method": "pwd"},
		}
	}
}

// benchStore returns a store that fill has filled, kept from an earlier run where there is one.
func benchStore(b *testing.B, name string, fill func(s *sqlitestore.Store) error) *sqlitestore.Store {
	b.Helper()
	root := *storeDir
	if root == "" {
		root = b.TempDir()
	}
	dir := filepath.Join(root, name)
	done := filepath.Join(dir, "filled")
	_, missing := os.Stat(done)
	s, err := sqlitestore.Open(b.Context(), sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.Context())) })
	if missing != nil {
		start := time.Now()
		if err := fill(s); err != nil {
			b.Fatal(err)
		}
		b.Logf("%s was filled in %v", name, time.Since(start))
		if err := os.WriteFile(done, nil, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	return s
}

func userStore(b *testing.B, n int) *sqlitestore.Store {
	b.Helper()
	return benchStore(b, fmt.Sprint("users-", n), func(s *sqlitestore.Store) error {
		return s.FillUsers(b.Context(), n, benchUser(rand.New(rand.NewPCG(1, 2))))
	})
}

func sizes(small, large int) []int {
	if *million {
		return []int{small, large}
	}
	return []int{small}
}

// measure runs f and reports the processor time of the whole process besides the time that passes.
func measure(b *testing.B, f func() error) {
	b.Helper()
	if err := f(); err != nil { // so that statements are prepared
		b.Fatal(err)
	}
	before := cpuTime(b)
	for b.Loop() {
		if err := f(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

func BenchmarkUserList(b *testing.B) {
	for _, n := range sizes(100_000, 1_000_000) {
		s := userStore(b, n)
		// The places 90 % deep in the list.
		cursor := func(sort domain.UserSort, key func(u domain.User) string) *domain.Cursor {
			i := n / 10
			if sort[0] != '-' {
				i = n - i
			}
			u := benchUser(rand.New(rand.NewPCG(1, 2)))(i)
			return &domain.Cursor{Sort: string(sort), Key: key(u), ID: strconv.FormatInt(u.CreatedAt.UnixMilli()<<10, 10)}
		}
		place := func(u domain.User) string { return strconv.FormatInt(u.CreatedAt.UnixMilli()<<10, 10) }
		for _, test := range []struct {
			name string
			q    domain.UserQuery
		}{
			{"first page", domain.UserQuery{}},
			{"90% deep", domain.UserQuery{Page: domain.Page{After: cursor(domain.SortCreatedDesc, place)}}},
			{"page 400", domain.UserQuery{Page: domain.Page{Number: 400}}},
			{"by username", domain.UserQuery{Sort: domain.SortUsername}},
			{"by username deep", domain.UserQuery{Sort: domain.SortUsername, Page: domain.Page{After: &domain.Cursor{Sort: "username", Key: "tomas", ID: "1"}}}},
			{"by last login deep", domain.UserQuery{Sort: domain.SortLastLoginDesc, Page: domain.Page{After: cursor(domain.SortLastLoginDesc, func(u domain.User) string { return strconv.FormatInt(u.LastLogin.UnixMicro(), 10) })}}},
			{"rare role", domain.UserQuery{Role: domain.RoleAdmin}},
			{"rare role by email", domain.UserQuery{Role: domain.RoleAdmin, Sort: domain.SortEmail}},
			{"deactivated", domain.UserQuery{Status: domain.StatusDeactivated, Sort: domain.SortUsernameDesc}},
			{"without a role", domain.UserQuery{ExcludeRole: domain.RoleSudo}},
			{"rare role and status", domain.UserQuery{Role: domain.RoleAdmin, Status: domain.StatusActive}},
			{"large group", domain.UserQuery{Group: "grp_large"}},
			{"large group by username", domain.UserQuery{Group: "grp_large", Sort: domain.SortUsername}},
			{"search 3 common", domain.UserQuery{Search: "com"}},
			{"search 3 common no total", domain.UserQuery{Search: "com", NoTotal: true}},
			{"search 3 medium", domain.UserQuery{Search: "zoe"}},
			{"search 3 rare", domain.UserQuery{Search: "777"}},
			{"search 3 none", domain.UserQuery{Search: "qzx"}},
			{"search 1", domain.UserQuery{Search: "a"}},
			{"search 2 none", domain.UserQuery{Search: "qz"}},
			{"search long", domain.UserQuery{Search: "zoe.smith.00"}},
			{"search long rare", domain.UserQuery{Search: "karel.garcia.0001"}},
			{"search by username", domain.UserQuery{Search: "karel.g", Sort: domain.SortUsername}},
			{"search rare role", domain.UserQuery{Search: "com", Role: domain.RoleAdmin}},
			{"search deactivated", domain.UserQuery{Search: "com", Status: domain.StatusDeactivated}},
			{"search group", domain.UserQuery{Search: "zoe", Group: "grp_large"}},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, test.name), func(b *testing.B) {
				test.q.Page.Limit = 20
				measure(b, func() error {
					_, err := s.Users().List(b.Context(), test.q)
					return err
				})
			})
		}
	}
}

func BenchmarkAuditList(b *testing.B) {
	no := false
	for _, n := range sizes(200_000, 5_000_000) {
		s := benchStore(b, fmt.Sprint("audit-", n), func(s *sqlitestore.Store) error {
			return s.FillAudit(b.Context(), n, benchEntry(rand.New(rand.NewPCG(1, 2))))
		})
		at := func(part float64) time.Time { return benchStart.Add(time.Duration(float64(n)*part) * 10 * time.Second) }
		busy := fmt.Sprintf("usr_%026d", 7)
		deep := &domain.Cursor{Sort: domain.SortLogs, Key: strconv.FormatInt(at(0.1).UnixMicro(), 10), ID: "1"}
		for _, test := range []struct {
			name string
			q    domain.AuditQuery
		}{
			{"first page", domain.AuditQuery{}},
			{"90% deep", domain.AuditQuery{Page: domain.Page{After: deep}}},
			{"user", domain.AuditQuery{UserID: "usr_00000000000000000000000011"}},
			{"busy user", domain.AuditQuery{UserID: busy}},
			{"busy user deep", domain.AuditQuery{UserID: busy, Page: domain.Page{After: deep}}},
			{"rare action", domain.AuditQuery{Actions: []domain.Action{domain.ActionDataAccess}}},
			{"actions", domain.AuditQuery{Actions: []domain.Action{domain.ActionLogin, domain.ActionLoginFailed, domain.ActionImport}}},
			{"failures", domain.AuditQuery{Success: &no}},
			{"address", domain.AuditQuery{IPAddress: "192.0.7.7"}},
			{"request", domain.AuditQuery{RequestID: "req-00000777"}},
			{"time", domain.AuditQuery{From: at(0.5), Until: at(0.6)}},
			{"time short", domain.AuditQuery{From: at(0.5), Until: at(0.5).Add(time.Minute)}},
			{"busy user and failures", domain.AuditQuery{UserID: busy, Success: &no}},
			{"busy user, action and time", domain.AuditQuery{UserID: busy, Actions: []domain.Action{domain.ActionLogin}, From: at(0.2), Until: at(0.9)}},
			{"busy user and address", domain.AuditQuery{UserID: busy, IPAddress: "192.0.7.7"}},
			{"busy user and other address", domain.AuditQuery{UserID: busy, IPAddress: "192.0.8.8"}},
			{"address, failures and time", domain.AuditQuery{IPAddress: "192.0.7.7", Success: &no, From: at(0.2), Until: at(0.9)}},
			{"failures and time", domain.AuditQuery{Success: &no, From: at(0.2), Until: at(0.9)}},
		} {
			b.Run(fmt.Sprintf("%d/%s", n, test.name), func(b *testing.B) {
				test.q.Page.Limit = 20
				measure(b, func() error {
					_, err := s.Audit().List(b.Context(), test.q)
					return err
				})
			})
		}
	}
}
