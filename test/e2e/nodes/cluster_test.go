package nodes_test

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/test/fixtures/child"
)

const (
	adminName     = "admin"
	adminPassword = "Correct-Horse-7-Battery"
	userPassword  = "Staple-9-Wagon-Umbrella"
)

var build = sync.OnceValues(func() (string, error) {
	dir, err := exec.Command("mktemp", "-d").Output()
	if err != nil {
		return "", err
	}
	program := filepath.Join(strings.TrimSpace(string(dir)), "ostiary")
	out, err := exec.Command("go", "build", "-o", program, "github.com/ostiary/ostiary/cmd/ostiary").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return program, nil
})

// node is one process of the service.
type node struct {
	name    string
	url     string
	client  *http.Client
	process *child.Process
}

// startOn runs n processes on the database given. The first makes the administrator; more is added
// to their environment.
func startOn(t *testing.T, n int, db database, more ...string) []*node {
	t.Helper()
	program, err := build()
	if err != nil {
		t.Fatalf("building the program: %v", err)
	}
	var key [32]byte
	_, _ = rand.Read(key[:])
	environment := []string{
		"OSTIARY_STORAGE_DRIVER=mongodb", "OSTIARY_STORAGE_MONGODB_URI=" + db.uri,
		"OSTIARY_STORAGE_MONGODB_DATABASE=" + db.name,
		"OSTIARY_KEYRING_KEY=" + base64.StdEncoding.EncodeToString(key[:]),
		"OSTIARY_BOOTSTRAP_USERNAME=" + adminName, "OSTIARY_BOOTSTRAP_EMAIL=admin@example.com",
		"OSTIARY_BOOTSTRAP_PASSWORD=" + adminPassword,
		"OSTIARY_RATE_LIMITS_LOGIN=off", "OSTIARY_RATE_LIMITS_API_KEYS=off",
		// As cheap as the program lets it be: what is tested is no hash.
		"OSTIARY_PASSWORDS_ARGON2_MEMORY_KIB=7168", "OSTIARY_PASSWORDS_ARGON2_ITERATIONS=5",
		"OSTIARY_PASSWORDS_QUEUE_DEADLINE=20s",
		"OSTIARY_METRICS_ADDRESS=off", "OSTIARY_LOG_LEVEL=warn", "OSTIARY_HTTP_PUBLIC_URL=http://localhost:8080",
	}
	environment = append(environment, more...) // the last one counts
	nodes := make([]*node, n)
	for i := range nodes {
		own := environment
		if db.uris != nil {
			own = append(slices.Clone(environment), "OSTIARY_STORAGE_MONGODB_URI="+db.uris[i])
		}
		nodes[i] = startNode(t, program, string(rune('A'+i)), own)
	}
	return nodes
}

func startNode(t *testing.T, program, name string, environment []string) *node {
	t.Helper()
	dir, address := t.TempDir(), freeAddress(t)
	args := append([]string{"OSTIARY_HTTP_ADDRESS=" + address, "OSTIARY_DATA_DIR=" + dir, "HOME=" + dir}, environment...)
	process, err := child.Start(filepath.Join(dir, "log"), "/usr/bin/env",
		append(append([]string{"-i"}, args...), program, "serve")...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Stop()
		if t.Failed() {
			t.Logf("node %s wrote:\n%s", name, process.Log())
		}
	})
	if err := process.WaitFor(address, time.Minute); err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &node{
		name: name, process: process, url: "http://" + address + "/api/v1/security",
		client: &http.Client{Transport: transport, Timeout: 30 * time.Second},
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

type answer struct {
	status int
	object map[string]any
}

func (a answer) text(name string) string {
	text, _ := a.object[name].(string)
	return text
}

func (n *node) call(ctx context.Context, token, method, path, body string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, n.url+path, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := n.client.Do(req)
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

// must makes a call that has to be answered with the status.
func (n *node) must(t *testing.T, status int, token, method, path, body string) answer {
	t.Helper()
	a, err := n.call(t.Context(), token, method, path, body)
	if err != nil {
		t.Fatalf("%s %s on %s: %v", method, path, n.name, err)
	}
	if a.status != status {
		t.Fatalf("%s %s on %s = %d %v, want %d", method, path, n.name, a.status, a.object, status)
	}
	return a
}

func (n *node) signIn(t *testing.T, name, password string) string {
	t.Helper()
	return n.must(t, http.StatusOK, "", http.MethodPost, "/auth/login", login(name, password)).text("access_token")
}

func login(name, password string) string {
	return fmt.Sprintf(`{"username":%q,"password":%q}`, name, password)
}

// user makes a user who can sign in and returns the id.
func (n *node) user(t *testing.T, admin, name string) string {
	t.Helper()
	body := fmt.Sprintf(`{"username":%q,"email":"%s@example.com","password":%q,"full_name":"A User","role":"user"}`, name,
		name, userPassword)
	a, err := n.call(t.Context(), admin, http.MethodPost, "/users", body)
	if err != nil || a.status != http.StatusCreated {
		t.Fatalf("making a user = %d %v, %v", a.status, a.object, err)
	}
	return a.text("user_id")
}
