package crash_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/test/fixtures/child"
)

const (
	adminPassword = "Correct-Horse-7-Battery"
	userPassword  = "Staple-9-Wagon-Umbrella"
	newPassword   = "Another-4-Wagon-Umbrella"
)

// server is the program on one store, over all its lives.
type server struct {
	store
	program     string
	dir         string
	environment []string
	client      *http.Client

	process *child.Process
	lives   int
	url     string
	started time.Duration // how long the last start took
}

func newServer(t *testing.T, store store) *server {
	t.Helper()
	s := &server{store: store, program: filepath.Join(t.TempDir(), "ostiary"), dir: t.TempDir()}
	out, err := exec.Command("go", "build", "-o", s.program, "github.com/ostiary/ostiary/cmd/ostiary").CombinedOutput()
	if err != nil {
		t.Fatalf("building the program: %v: %s", err, out)
	}
	s.environment = []string{
		"OSTIARY_DATA_DIR=" + filepath.Join(s.dir, "data"), "HOME=" + s.dir,
		"OSTIARY_BOOTSTRAP_USERNAME=admin", "OSTIARY_BOOTSTRAP_EMAIL=admin@example.com",
		"OSTIARY_BOOTSTRAP_PASSWORD=" + adminPassword,
		"OSTIARY_RATE_LIMITS_LOGIN=off", "OSTIARY_RATE_LIMITS_API_KEYS=off", "OSTIARY_RATE_LIMITS_PASSWORD_RESET=off",
		"OSTIARY_RATE_LIMITS_PASSWORD_RESET_SOURCE=off",
		// As cheap as the program lets it be: what is tested is no hash.
		"OSTIARY_PASSWORDS_ARGON2_MEMORY_KIB=7168", "OSTIARY_PASSWORDS_ARGON2_ITERATIONS=5",
		"OSTIARY_PASSWORDS_QUEUE_DEADLINE=20s",
		"OSTIARY_METRICS_ADDRESS=off", "OSTIARY_LOG_LEVEL=warn", "OSTIARY_HTTP_PUBLIC_URL=http://localhost:8080",
	}
	s.environment = append(s.environment, store.environment...)
	transport := &http.Transport{MaxIdleConnsPerHost: 16}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{Transport: transport, Timeout: time.Minute}
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	address := l.Addr().String()
	must(t, l.Close())
	s.lives++
	begin := time.Now()
	s.process, err = child.Start(s.log(s.lives), "/usr/bin/env",
		append(append([]string{"-i", "OSTIARY_HTTP_ADDRESS=" + address}, s.environment...), s.program, "serve")...)
	must(t, err)
	t.Cleanup(s.process.Stop)
	must(t, s.process.WaitFor(address, time.Minute))
	s.started = time.Since(begin)
	s.url = "http://" + address + "/api/v1/security"
}

// crash kills what the test kills: the program, or the database under it.
func (s *server) crash(t *testing.T) {
	t.Helper()
	if s.kill == nil {
		must(t, s.process.Kill())
		return
	}
	s.kill(t)
}

// recover starts the program again, or waits until the program has recovered from the crash of its database.
func (s *server) recover(t *testing.T) {
	t.Helper()
	if s.kill == nil {
		s.start(t)
		return
	}
	s.repair(t)
	begin := time.Now()
	for {
		a, err := s.call(t.Context(), "ready", "", http.MethodPost, "/auth/login", login("admin", adminPassword))
		if err == nil && a.status == http.StatusOK {
			s.started = time.Since(begin)
			return
		}
		if time.Since(begin) > recovery {
			t.Fatalf("the program has not recovered after %s: %d %v, %v", recovery, a.status, a.object, err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// run runs a command of the program beside the server or without one, and returns what it printed.
func (s *server) run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "/usr/bin/env",
		append(append([]string{"-i"}, s.environment...), append([]string{s.program}, args...)...)...).CombinedOutput()
	return string(out), err
}

func (s *server) log(life int) string { return filepath.Join(s.dir, fmt.Sprintf("log-%d", life)) }

// emails returns all emails to an address, across restarts.
func (s *server) emails(t *testing.T, address string) []string {
	t.Helper()
	var found []string
	for life := 1; life <= s.lives; life++ {
		raw, err := os.ReadFile(s.log(life))
		must(t, err)
		for _, email := range strings.Split(string(raw), "NOT SENT: ")[1:] {
			if strings.Contains(email, "\nTo:      "+address+"\n") {
				found = append(found, email)
			}
		}
	}
	return found
}

type answer struct {
	status int
	object map[string]any
}

func (a answer) text(name string) string {
	text, _ := a.object[name].(string)
	return text
}

// call makes a call. The error means that there was no answer.
func (s *server) call(ctx context.Context, id, token, method, path, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	req.Header.Set("X-Request-Id", id)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	switch {
	case strings.HasPrefix(token, "sk_"):
		req.Header.Set("X-API-KEY", token)
	case token != "":
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	a := answer{status: res.StatusCode}
	_ = json.Unmarshal(raw, &a.object)
	return a, nil
}

// see makes a call that must be answered.
func (s *server) see(t *testing.T, token, method, path, body string) answer {
	t.Helper()
	a, err := s.call(t.Context(), "see", token, method, path, body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return a
}

func login(name, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, name, password)
}

func (s *server) signIn(t *testing.T) string {
	t.Helper()
	a := s.see(t, "", http.MethodPost, "/auth/login", login("admin", adminPassword))
	if a.status != http.StatusOK {
		t.Fatalf("signing in: %d %v", a.status, a.object)
	}
	return a.text("access_token")
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
