package crash_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
)

// fact is what must be true after a restart, because it was answered before.
type fact struct {
	id    string // of the request, whose entry the audit log must have; empty for none
	what  string
	check func(t *testing.T, s *server, admin string) bool
}

// requestLog keeps what was answered, and which calls were begun that make something new.
type requestLog struct {
	over atomic.Bool // the crash has happened: stories end with their next call

	mu    sync.Mutex
	facts map[string]fact   // by what they are about: a later one takes the place of the one before
	made  map[string]string // request id to name of users that may have been made
	count int
}

func (j *requestLog) answered(about string, f fact) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.facts[about] = f
	j.count++
}

// uncertain takes a fact back before a call that would end it: without an answer either may be true.
func (j *requestLog) uncertain(about string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	delete(j.facts, about)
}

func (j *requestLog) begun(id, name string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.made[id] = name
}

func (j *requestLog) answers() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.count
}

// story is one run of a worker through every kind of change.
type story struct {
	ctx        context.Context
	server     *server
	requestLog *requestLog
	admin      string
	name       string
	step       int
	failed     error  // no answer: the end of the story
	wrong      string // an answer that should have been another
	last       string // the id of the request before
	ends       bool   // with the user's deactivation
	hangs      []string
}

// errOver ends the stories after a crash that the program has survived.
var errOver = errors.New("the crash has happened")

// errUnavailable is the failure of a story whose database was killed.
var errUnavailable = errors.New("the database is unavailable")

// do makes one call that must be answered with one of 200, 201 and 204, unless the process dies before.
func (s *story) do(token, method, path, body string) (answer, bool) {
	if s.failed != nil || s.wrong != "" {
		return answer{}, false
	}
	s.step++
	s.last = fmt.Sprintf("%s-%d", s.name, s.step)
	a, err := s.call(s.last, token, method, path, body)
	if err != nil {
		s.failed = err
		return a, false
	}
	if a.status >= 300 {
		s.wrong = fmt.Sprintf("%s %s = %d %v", method, path, a.status, a.object)
		return a, false
	}
	return a, true
}

// call makes a call. An error means that there was no answer, or none from the database.
func (s *story) call(id, token, method, path, body string) (answer, error) {
	if s.requestLog.over.Load() {
		return answer{}, errOver
	}
	a, err := s.server.call(s.ctx, id, token, method, path, body)
	if err == nil && s.server.kill != nil && a.status == http.StatusServiceUnavailable {
		err = errUnavailable
	}
	return a, err
}

func (s *story) answered(about, what string, check func(*testing.T, *server, string) bool) {
	s.requestLog.answered(s.name+" "+about, fact{id: s.last, what: what, check: check})
}

// gives is a check that a call has the status.
func gives(status int, token func(admin string) string, method, path, body string) func(*testing.T, *server,
	string) bool {
	return func(t *testing.T, s *server, admin string) bool {
		t.Helper()
		return s.see(t, token(admin), method, path, body).status == status
	}
}

func asAdmin(admin string) string { return admin }

func as(token string) func(string) string { return func(string) string { return token } }

// shows is a check that a member of an object has the value.
func shows(path, member string, value any) func(*testing.T, *server, string) bool {
	return func(t *testing.T, s *server, admin string) bool {
		t.Helper()
		a := s.see(t, admin, http.MethodGet, path, "")
		return a.status == http.StatusOK && fmt.Sprint(a.object[member]) == fmt.Sprint(value)
	}
}

func (s *story) run() {
	s.requestLog.begun(s.name+"-1", s.name)
	made, ok := s.do(s.admin, http.MethodPost, "/users",
		fmt.Sprintf(`{"username":%q,"email":"%s@example.com","password":%q,"full_name":"A User","role":"user"}`, s.name,
			s.name, userPassword))
	if !ok {
		return
	}
	id := made.text("user_id")
	user := "/users/" + id
	s.answered("user", "a user was made", shows(user, "username", s.name))
	s.rights(user)
	s.sessions()
	s.keys(user)
	s.factor(user)
	s.reset()
	if !s.ends {
		s.failLogins()
		return
	}
	for _, about := range s.hangs { // what ends with the user
		s.requestLog.uncertain(s.name + " " + about)
	}
	if _, ok := s.do(s.admin, http.MethodDelete, user, ""); ok {
		s.answered("user", "a user was deactivated", shows(user, "status", "deactivated"))
	}
}

// rights changes profile, role and groups.
func (s *story) rights(user string) {
	if _, ok := s.do(s.admin, http.MethodPatch, user, `{"full_name":"Changed `+s.name+`"}`); ok {
		s.answered("name", "a name was changed", shows(user, "full_name", "Changed "+s.name))
	}
	if _, ok := s.do(s.admin, http.MethodPatch, user, `{"role":"auditor"}`); ok {
		s.answered("role", "a role was changed", shows(user, "role", "auditor"))
	}
	group, ok := s.do(s.admin, http.MethodPost, "/groups",
		fmt.Sprintf(`{"name":%q,"permissions":["bots.use"]}`, "team_"+strings.ReplaceAll(s.name, "-", "_")))
	if !ok {
		return
	}
	path := "/groups/" + group.text("group_id")
	s.answered("group", "a group was made", gives(http.StatusOK, asAdmin, http.MethodGet, path, ""))
	if _, ok := s.do(s.admin, http.MethodPatch, path, `{"description":"changed"}`); ok {
		s.answered("group", "a group was changed", shows(path, "description", "changed"))
	}
	s.requestLog.uncertain(s.name + " group")
	if _, ok := s.do(s.admin, http.MethodDelete, path, ""); ok {
		s.answered("group", "a group was deleted", gives(http.StatusNotFound, asAdmin, http.MethodGet, path, ""))
	}
}

// sessions starts two sessions, refreshes one and ends the other.
func (s *story) sessions() {
	first, ok1 := s.do("", http.MethodPost, "/auth/login", login(s.name, userPassword))
	second, ok2 := s.do("", http.MethodPost, "/auth/login", login(s.name, userPassword))
	if !ok1 || !ok2 {
		return
	}
	next, ok := s.do("", http.MethodPost, "/auth/refresh",
		fmt.Sprintf(`{"refresh_token":%q}`, first.text("refresh_token")))
	if !ok {
		return
	}
	alive := gives(http.StatusOK, as(next.text("access_token")), http.MethodGet, "/auth/verify", "")
	s.requestLog.answered(s.name+" session", fact{what: "a session was refreshed", check: alive}) // which leaves no entry
	if _, ok := s.do(second.text("access_token"), http.MethodDelete, "/sessions/"+second.text("session_id"), ""); ok {
		s.answered("revoke", "a session was revoked", gives(http.StatusUnauthorized, as(second.text("access_token")),
			http.MethodGet, "/auth/verify", ""))
	}
	s.hangs = append(s.hangs, "session")
}

func (s *story) keys(user string) {
	for _, revoke := range []bool{true, false} {
		made, ok := s.do(s.admin, http.MethodPost, user+"/api-keys", `{"name":"Crash","permissions":["audit.read"]}`)
		if !ok {
			return
		}
		key := made.text("api_key")
		about := "key " + made.text("key_id")
		s.answered(about, "a key was made", gives(http.StatusOK, as(key), http.MethodGet, "/audit/logs?limit=1", ""))
		if !revoke {
			s.hangs = append(s.hangs, about)
			continue
		}
		s.requestLog.uncertain(s.name + " " + about)
		if _, ok := s.do(s.admin, http.MethodDelete, "/api-keys/"+made.text("key_id"), ""); ok {
			s.answered(about, "a key was revoked", gives(http.StatusUnauthorized, as(key), http.MethodGet, "/audit/logs?limit=1",
				""))
		}
	}
}

// factor switches a second factor on.
func (s *story) factor(user string) {
	in, ok := s.do("", http.MethodPost, "/auth/login", login(s.name, userPassword))
	if !ok {
		return
	}
	token := in.text("access_token")
	shown, ok := s.do(token, http.MethodPost, user+"/2fa/enable", `{"method":"totp"}`)
	if !ok {
		return
	}
	code, err := totp.GenerateCode(shown.text("secret"), time.Now())
	if err != nil {
		s.wrong = "no secret in " + fmt.Sprint(shown.object)
		return
	}
	if _, ok := s.do(token, http.MethodPost, user+"/2fa/verify", fmt.Sprintf(`{"code":%q}`, code)); ok {
		s.answered("factor", "a second factor was switched on", shows(user, "two_factor_enabled", true))
	}
}

// failLogins sends wrong passwords until the account is locked for this address, as each response reports.
func (s *story) failLogins() {
	const attempts = 5
	for range attempts {
		if s.failed != nil || s.wrong != "" {
			return
		}
		a, err := s.call(s.name+"-guess", "", http.MethodPost, "/auth/login", login(s.name, "Wrong-Horse-7-Battery"))
		if err != nil {
			s.failed = err
			return
		}
		if a.status != http.StatusUnauthorized {
			s.wrong = fmt.Sprintf("a wrong password is answered with %d %v", a.status, a.object)
			return
		}
	}
	s.last = s.name + "-guess"
	s.answered("lock", "five failures were counted", gives(http.StatusLocked, as(""), http.MethodPost, "/auth/login",
		login(s.name, userPassword)))
}

// reset asks for a reset by mail, which must come, and uses its token, which must not work again.
func (s *story) reset() {
	address := s.name + "@example.com"
	if _, ok := s.do("", http.MethodPost, "/auth/password/reset-request", fmt.Sprintf(`{"email":%q}`, address)); ok {
		s.answered("mail", "a mail was promised", func(t *testing.T, server *server, _ string) bool {
			t.Helper()
			return server.hasLetter(t, address, "Reset your password")
		})
	}
}
