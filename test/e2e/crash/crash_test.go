package crash_test

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

const workers = 6

// TestKillLosesNoAcknowledgedChange kills the program, or the database under it, at another moment of its work each
// time.
func TestKillLosesNoAcknowledgedChange(t *testing.T) {
	t.Parallel()
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killLosesNothing(t, newServer(t, open(t)))
		})
	}
}

func killLosesNothing(t *testing.T, s *server) {
	t.Helper()
	rounds := 5
	if testing.Short() {
		rounds = 2
	}
	s.start(t)
	for round := range rounds {
		j := &requestLog{facts: map[string]fact{}, made: map[string]string{}}
		limit := s.settings(t, round)
		s.killAfter(t, j, round, 30+round*29)
		s.recover(t)
		t.Logf("round %d: %d changes were answered; the recovery took %s", round, j.answers(), s.started)
		admin := s.signIn(t)
		if got := s.limit(t, admin); got != limit {
			t.Errorf("round %d: the settings hold %s, and %s was answered", round, got, limit)
		}
		s.checkFacts(t, admin, j)
		s.checkMade(t, admin, j)
		s.useTokens(t, j)
		if out, err := s.run(t, "audit", "verify", "--store"); err != nil {
			t.Errorf("round %d: the audit log does not prove itself: %v\n%s", round, err, out)
		}
	}
}

// killAfter runs stories until so many changes were answered, and crashes under them.
func (s *server) killAfter(t *testing.T, j *requestLog, round, answers int) {
	t.Helper()
	admin := s.signIn(t)
	var group sync.WaitGroup
	wrong := make(chan string, workers)
	for worker := range workers {
		group.Go(func() {
			for n := 0; ; n++ {
				story := story{
					ctx: t.Context(), server: s, requestLog: j, admin: admin,
					name: fmt.Sprintf("u%d-%d-%d", round, worker, n), ends: n%2 == 0,
				}
				story.run()
				if story.wrong != "" {
					wrong <- story.wrong
				}
				if story.failed != nil || story.wrong != "" {
					return
				}
			}
		})
	}
	ended := make(chan struct{})
	go func() {
		group.Wait()
		close(ended)
	}()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for j.answers() < answers {
		select {
		case <-ticker.C:
		case <-ended: // only by a wrong response, which is reported below
			answers = 0
		}
	}
	s.crash(t)
	j.over.Store(true)
	group.Wait()
	close(wrong)
	for what := range wrong {
		t.Errorf("round %d: %s", round, what)
	}
}

// checkFacts holds the server to what was answered, and to an entry of each in the audit log.
func (s *server) checkFacts(t *testing.T, admin string, j *requestLog) {
	t.Helper()
	for about, f := range j.facts {
		if !f.check(t, s, admin) {
			t.Errorf("%s (%s, request %s) was answered and is not so after the restart", f.what, about, f.id)
		}
		if f.id != "" && s.entries(t, admin, f.id) == 0 {
			t.Errorf("%s (%s) has no entry of request %s", f.what, about, f.id)
		}
	}
}

// checkMade looks at every user who may have been made: there with an entry, or neither.
func (s *server) checkMade(t *testing.T, admin string, j *requestLog) {
	t.Helper()
	for id, name := range j.made {
		there, entries := s.made(t, admin, id, name)
		// Another node, or the same one later, completes what a crash has left in an outbox.
		for begin := time.Now(); there != min(entries, 1) && time.Since(begin) < recovery; {
			time.Sleep(100 * time.Millisecond)
			there, entries = s.made(t, admin, id, name)
		}
		if there != min(entries, 1) || entries > 1 {
			t.Errorf("user %s is there %d times with %d entries of the making", name, there, entries)
		}
	}
}

func (s *server) made(t *testing.T, admin, id, name string) (users, entries int) {
	t.Helper()
	a := s.see(t, admin, http.MethodGet, "/users?search="+url.QueryEscape(name+"@example.com"), "")
	found, _ := a.object["users"].([]any)
	return len(found), s.entries(t, admin, id)
}

func (s *server) entries(t *testing.T, admin, id string) int {
	t.Helper()
	a := s.see(t, admin, http.MethodGet, "/audit/logs?request_id="+url.QueryEscape(id), "")
	logs, ok := a.object["logs"].([]any)
	if !ok {
		t.Fatalf("the list of entries is %d %v", a.status, a.object)
	}
	return len(logs)
}

// settings changes a setting once, and returns its value.
func (s *server) settings(t *testing.T, round int) string {
	t.Helper()
	value := strconv.Itoa(40 + round)
	a := s.see(t, s.signIn(t), http.MethodPatch, "/settings/security", `{"session_policy":{"max_sessions":`+value+`}}`)
	if a.status != http.StatusOK {
		t.Fatalf("changing the settings: %d %v", a.status, a.object)
	}
	return value
}

func (s *server) limit(t *testing.T, admin string) string {
	t.Helper()
	policy, _ := s.see(t, admin, http.MethodGet, "/settings/security", "").object["session_policy"].(map[string]any)
	return fmt.Sprint(policy["max_sessions"])
}

// hasLetter waits for an email: delivery resumes after the kill when the lease of the killed process has expired.
func (s *server) hasLetter(t *testing.T, address, subject string) bool {
	t.Helper()
	for begin := time.Now(); time.Since(begin) < 2*time.Minute; {
		for _, email := range s.emails(t, address) {
			if strings.Contains(email, "\nSubject: "+subject+"\n") {
				return true
			}
		}
		select {
		case <-t.Context().Done():
			return false
		case <-time.After(100 * time.Millisecond):
		}
	}
	return false
}

var tokenInEmail = regexp.MustCompile(`\?token=([^\s]+)`)

// TestKilledImportResumes kills the server in the midst of an import; the same import again brings the rest in.
func TestKilledImportResumes(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"embedded store, kill the program", "one server, kill the program"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			killedImport(t, newServer(t, stores[name](t)))
		})
	}
}

func killedImport(t *testing.T, s *server) {
	t.Helper()
	const users = 3000
	s.start(t)
	var lines strings.Builder
	for i := range users {
		fmt.Fprintf(&lines, `{"username":"import%d","email":"import%d@example.com","full_name":"A User"}`+"\n", i, i)
	}
	file := filepath.Join(s.dir, "users.ndjson")
	must(t, os.WriteFile(file, []byte(lines.String()), 0o600))
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = s.run(t, "import", "users", file) // which the kill ends
	}()
	admin := s.signIn(t)
	for s.total(t, admin) < users/10 {
		select {
		case <-ended:
			t.Fatal("the import ended before it was killed")
		case <-time.After(time.Millisecond):
		}
	}
	must(t, s.process.Kill())
	<-ended
	s.start(t)
	admin = s.signIn(t)
	before := s.total(t, admin)
	if out, err := s.run(t, "import", "users", file); err != nil {
		t.Fatalf("the import again: %v\n%s", err, out)
	}
	if after := s.total(t, admin); after != users+1 {
		t.Errorf("there are %d users, %d before the import went on; want %d", after, before, users+1)
	}
	if out, err := s.run(t, "audit", "verify", "--store"); err != nil {
		t.Errorf("the audit log does not prove itself: %v\n%s", err, out)
	}
}

func (s *server) total(t *testing.T, admin string) int {
	t.Helper()
	total, _ := s.see(t, admin, http.MethodGet, "/users?limit=1", "").object["total"].(float64)
	return int(total)
}

// useTokens uses a reset token that was sent before the kill, kills right after the answer, and wants it used up.
func (s *server) useTokens(t *testing.T, j *requestLog) {
	t.Helper()
	for about := range j.facts {
		name, isMail := strings.CutSuffix(about, " mail")
		if !isMail {
			continue
		}
		if _, off := j.facts[name+" user"]; !off {
			continue
		}
		var token string
		emails := s.emails(t, name+"@example.com")
		if resets := strings.Count(strings.Join(emails, ""), "\nSubject: Reset your password\n"); resets > 2 {
			t.Errorf("%s got the same email %d times", name, resets)
		}
		for _, email := range emails {
			if m := tokenInEmail.FindStringSubmatch(email); m != nil && strings.Contains(email, "Reset your password") {
				token = m[1]
			}
		}
		use := fmt.Sprintf(`{"token":%q,"new_password":%q}`, token, newPassword)
		first := s.see(t, "", http.MethodPost, "/auth/password/reset", use)
		s.crash(t)
		s.recover(t)
		again := s.see(t, "", http.MethodPost, "/auth/password/reset", use)
		if again.status != http.StatusBadRequest {
			t.Errorf("a token that was answered with %d is answered with %d %v after the restart", first.status, again.status,
				again.object)
		}
		return
	}
}
