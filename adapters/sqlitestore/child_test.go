package sqlitestore_test

import (
	"bufio"
	"context"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// child runs in a separate process of the test binary. It opens the store and writes until the process is killed. Each
// line that it prints names an acknowledged write.
func child(dir string) {
	ctx := context.Background()
	s, err := sqlitestore.Open(ctx, config(dir))
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	var group sync.WaitGroup
	var mu sync.Mutex
	acknowledged := func(what string, err error) {
		if err != nil {
			fmt.Println("error", err)
			os.Exit(1)
		}
		mu.Lock()
		defer mu.Unlock()
		fmt.Println(what)
	}
	run := strconv.FormatInt(time.Now().UnixNano(), 36)
	for worker := range 8 {
		group.Go(func() {
			for i := 0; ; i++ {
				childRound(ctx, s, fmt.Sprintf("%s-%d-%d", run, worker, i), acknowledged)
			}
		})
	}
	group.Wait()
}

// childRound creates a user and a session, ends the session and consumes a single-use value.
func childRound(ctx context.Context, s *sqlitestore.Store, name string, acknowledged func(string, error)) {
	u := testUser(name)
	session := domain.Session{
		ID: domain.SessionID("sess_" + name), UserID: u.ID, CreatedAt: u.CreatedAt,
		ExpiresAt: u.CreatedAt.Add(time.Hour),
	}
	record := func(action domain.Action) domain.Outbox {
		return domain.Outbox{
			Entries:  []domain.AuditEntry{{ID: domain.LogID("log_" + name), Action: action, Target: string(u.ID)}},
			Messages: []domain.Message{{ID: domain.MessageID("msg_" + name + string(action)), UserID: u.ID}},
		}
	}
	acknowledged("created "+name, s.Users().Create(ctx, u, record(domain.ActionUserCreate)))
	err := s.Sessions().Create(ctx, session)
	if err == nil {
		_, err = s.Users().Update(ctx, u.ID, func(u *domain.User, out *domain.Outbox) error {
			u.Sessions = append(u.Sessions, domain.SessionRef{ID: session.ID, ExpiresAt: session.ExpiresAt})
			*out = record(domain.ActionLogin)
			return nil
		})
	}
	acknowledged("started "+name, err)
	_, err = s.Users().Update(ctx, u.ID, func(u *domain.User, out *domain.Outbox) error {
		u.EndSession(session.ID)
		*out = record(domain.ActionLogout)
		return nil
	})
	acknowledged("ended "+name, err)
	expires := time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
	err = s.SingleUseStore().Put(ctx, name, []byte("v"), expires)
	if err == nil {
		_, err = s.SingleUseStore().Consume(ctx, name, u.CreatedAt)
	}
	acknowledged("taken "+name, err)
}

// TestKilledProcessLosesNoAcknowledgedWrite repeatedly kills a process that writes to the same database, and checks
// each time that every acknowledged write is stored.
func TestKilledProcessLosesNoAcknowledgedWrite(t *testing.T) {
	t.Parallel()
	rounds := 12
	if testing.Short() {
		rounds = 3
	}
	dir := filepath.Join(t.TempDir(), "data")
	for round := range rounds {
		// The number of lines differs between rounds, so that each kill interrupts another part of the work.
		output := killAfter(t, dir, 5+round*37)
		s, err := sqlitestore.Open(t.Context(), config(dir))
		if err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		for _, line := range output {
			checkAcknowledged(t, s, line)
		}
		checkWhole(t, s)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

func killAfter(t *testing.T, dir string, lines int) []string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^$")
	cmd.Env = append(os.Environ(), "SQLITESTORE_TEST_CHILD="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var output []string
	scanner := bufio.NewScanner(out)
	for scanner.Scan() {
		output = append(output, scanner.Text())
		if len(output) == lines {
			if err := cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait() // returns an error because the process was killed
	if len(output) < lines {
		t.Fatalf("the process exited before it was killed: %v", output)
	}
	return output
}

func checkAcknowledged(t *testing.T, s *sqlitestore.Store, line string) {
	t.Helper()
	what, name, ok := strings.Cut(line, " ")
	if !ok {
		return // the last line may be incomplete
	}
	id := domain.UserID("usr_" + name)
	u, err := s.Users().Get(t.Context(), id)
	switch what {
	case "created":
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
	case "started":
		if _, err := s.Sessions().Get(t.Context(), domain.SessionID("sess_"+name)); err != nil {
			t.Errorf("%s: %v", line, err)
		}
	case "ended":
		if len(u.Sessions) != 0 {
			t.Errorf("%s: the session is listed again", line)
		}
	case "taken":
		if _, err := s.SingleUseStore().Consume(t.Context(), name, u.CreatedAt); err == nil {
			t.Errorf("%s: the consumed value was stored again", line)
		}
	default:
		t.Errorf("the process printed %q", line)
	}
}

// checkWhole checks that every change has its audit entry and its message, that the counters are correct, and that the
// database is intact.
func checkWhole(t *testing.T, s *sqlitestore.Store) {
	t.Helper()
	want, got := allUsers(t, s), map[domain.UserID]int{}
	entries := 0
	err := s.Audit().Records(t.Context(), math.MinInt64, math.MaxInt64, domain.AuditQuery{},
		func(r *auditformat.Record) error {
			e, err := r.Entry()
			entries++
			got[domain.UserID(e.Target)]++
			return err
		})
	if err != nil {
		t.Fatal(err)
	}
	for id := range want {
		if got[id] == 0 {
			t.Errorf("%s has no audit entry", id)
		}
		delete(got, id)
	}
	if len(got) != 0 {
		t.Errorf("audit entries exist for %d users that are not stored", len(got))
	}
	messages, err := s.Messages().ClaimMessages(t.Context(), time.Unix(1, 0), time.Unix(0, 0), 1_000_000)
	if err != nil {
		t.Fatal(err)
	}
	if len(messages) != entries {
		t.Errorf("%d messages are stored for %d audit entries", len(messages), entries)
	}
	if err := s.Check(t.Context()); err != nil {
		t.Error(err)
	}
}

func allUsers(t *testing.T, s *sqlitestore.Store) map[domain.UserID]bool {
	t.Helper()
	all := map[domain.UserID]bool{}
	q := domain.UserQuery{Page: domain.Page{Number: 1, Limit: 100}}
	for {
		page, err := s.Users().List(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Users {
			all[page.Users[i].ID] = true
		}
		if page.Next == nil {
			if page.Total != int64(len(all)) {
				t.Errorf("the total is %d users, %d are stored", page.Total, len(all))
			}
			return all
		}
		q.Page.After = page.Next
	}
}
