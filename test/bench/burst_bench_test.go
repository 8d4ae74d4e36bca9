package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// program is the whole product in a process of its own, with the passwords that it has by default.
type program struct {
	address string
	url     string
	data    string // its data directory
	binary  string
	pid     int
	stop    func() // ends the program; a second call does nothing
	client  *http.Client
}

func startProgram(b *testing.B, environment ...string) *program {
	b.Helper()
	return startProgramIn(b, b.TempDir(), environment...)
}

// startProgramIn starts the program with the data directory "data" in dir. Its log is a file, as in an installation.
func startProgramIn(b *testing.B, dir string, environment ...string) *program {
	b.Helper()
	binary := filepath.Join(dir, "ostiary")
	build(b, binary)
	l, err := new(net.ListenConfig).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	p := &program{address: l.Addr().String(), binary: binary, client: &http.Client{
		Transport: &http.Transport{MaxIdleConnsPerHost: 300},
		Timeout:   time.Minute,
	}}
	_ = l.Close()
	p.url, p.data = "http://"+p.address+"/api/v1/security", filepath.Join(dir, "data")
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), binary, "serve")
	cmd.Env = append(os.Environ(), "OSTIARY_HTTP_ADDRESS="+p.address, "OSTIARY_DATA_DIR="+p.data,
		"OSTIARY_METRICS_ADDRESS=off", "GOGC=",
		"OSTIARY_RATE_LIMITS_LOGIN=off", "OSTIARY_BOOTSTRAP_USERNAME=root", "OSTIARY_BOOTSTRAP_EMAIL=root@example.com",
		"OSTIARY_BOOTSTRAP_PASSWORD="+password)
	cmd.Env = append(cmd.Env, environment...)
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = log.Close() }()
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	p.pid = cmd.Process.Pid
	p.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		_ = cmd.Wait()
	})
	b.Cleanup(p.stop)
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if res, err := p.client.Get("http://" + p.address + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return p
			}
		}
		if time.Now().After(deadline) {
			b.Fatal("the program does not get ready")
		}
	}
}

// build builds the program.
func build(b *testing.B, binary string, options ...string) {
	b.Helper()
	arguments := append([]string{"build", "-o", binary}, options...)
	cmd := exec.CommandContext(b.Context(), "go", append(arguments, "github.com/ostiary/ostiary/cmd/ostiary")...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
}

// signIn returns one kept connection to the program, with the access token of its administrator.
func (p *program) signIn(b *testing.B) *child {
	b.Helper()
	status, token, err := p.login("root")
	if err != nil || status != http.StatusOK {
		b.Fatalf("signing in: %d, %v", status, err)
	}
	time.Sleep(3 * time.Second) // until the hasher has returned its memory and processors
	return connect(b, &child{announcement: announcement{Address: p.address, Access: token}, pid: p.pid})
}

// call posts a body and returns the status of an answer and its members.
func (p *program) call(path, token string, body any) (int, map[string]any, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, nil, err
	}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, p.url+path, bytes.NewReader(raw))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = res.Body.Close() }()
	var object map[string]any
	err = json.NewDecoder(res.Body).Decode(&object)
	return res.StatusCode, object, err
}

func (p *program) login(name string) (int, string, error) {
	status, object, err := p.call("/auth/login", "", map[string]string{"username": name, "password": password})
	token, _ := object["access_token"].(string)
	return status, token, err
}

// memory returns a line of the kernel's book of the process, in MiB.
func (p *program) memory(b *testing.B, line string) float64 {
	b.Helper()
	size, err := statusMiB(p.pid, line)
	if err != nil {
		b.Fatal(err)
	}
	return size
}

func statusMiB(pid int, line string) (float64, error) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for l := range strings.SplitSeq(string(raw), "\n") {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			kib, err := strconv.ParseFloat(strings.Fields(rest)[0], 64)
			return kib / 1024, err
		}
	}
	return 0, fmt.Errorf("process %d has no %s", pid, line)
}

// burst creates 200 users and returns a function that signs them all in at once.
func (p *program) burst(b *testing.B, admin string) func() (served, refused int, longest time.Duration) {
	b.Helper()
	const users = 200
	for i := range users {
		name := fmt.Sprintf("burst%d", i)
		status, _, err := p.call("/users", admin, map[string]string{
			"username": name, "email": name + "@example.com",
			"password": password,
		})
		if err != nil || status != http.StatusCreated {
			b.Fatalf("making a user: %d, %v", status, err)
		}
	}
	return func() (served, refused int, longest time.Duration) {
		var all sync.WaitGroup
		var mu sync.Mutex
		for i := range users {
			all.Go(func() {
				began := time.Now()
				status, _, err := p.login(fmt.Sprintf("burst%d", i))
				mu.Lock()
				defer mu.Unlock()
				if err != nil || status != http.StatusOK {
					refused++
					return
				}
				served++
				longest = max(longest, time.Since(began))
			})
		}
		all.Wait()
		return served, refused, longest
	}
}

// BenchmarkBurst signs in 200 users at once, with password hashes of the default cost, while another client verifies
// a token repeatedly. It reports how many sign-ins succeeded, how long the last of them waited, verify's 99th
// percentile meanwhile, the peak memory of the process, and its memory once it is idle again.
func BenchmarkBurst(b *testing.B) {
	p := startProgram(b)
	_, admin, err := p.login("root")
	if err != nil {
		b.Fatal(err)
	}
	signIns := p.burst(b, admin)
	before := p.idleMemory(b)
	var verifies []time.Duration
	for b.Loop() {
		stop := make(chan struct{})
		var watching sync.WaitGroup
		watching.Go(func() { verifies = append(verifies, p.watch(b, admin, stop)...) })
		served, refused, longest := signIns()
		close(stop)
		watching.Wait()
		b.ReportMetric(float64(served), "served")
		b.ReportMetric(float64(refused), "refused")
		b.ReportMetric(longest.Seconds(), "s-longest")
	}
	withLimit(b, "200 sign-ins at once: verify p99", inMilliseconds(verifies, 99), 50, "ms-verify-p99")
	b.ReportMetric(inMilliseconds(verifies, 50), "ms-verify-p50")
	b.ReportMetric(p.memory(b, "VmHWM"), "MiB-most")
	withLimit(b, "200 sign-ins at once: memory afterwards / before", p.idleMemory(b)/before, 1.1, "times-before")
}

// idleMemory returns the resident memory of the program, in MiB, after it has been idle for a while, without
// connections.
func (p *program) idleMemory(b *testing.B) float64 {
	b.Helper()
	p.client.CloseIdleConnections()
	time.Sleep(65 * time.Second) // one of the checks of an idle service finds that nothing has happened
	return p.memory(b, "VmRSS")
}

// watchFor is watch for a time.
func (p *program) watchFor(b *testing.B, token string, d time.Duration) []time.Duration {
	b.Helper()
	stop := make(chan struct{})
	time.AfterFunc(d, func() { close(stop) })
	return p.watch(b, token, stop)
}

// inMilliseconds returns a percentile of the durations, in milliseconds.
func inMilliseconds(took []time.Duration, percent int) float64 {
	if len(took) == 0 {
		return 0
	}
	return float64(percentile(took, percent)) / float64(time.Millisecond)
}

// watch verifies a token on one kept connection until stop closes and returns how long each verification took.
func (p *program) watch(b *testing.B, token string, stop <-chan struct{}) []time.Duration {
	b.Helper()
	conn, err := new(net.Dialer).DialContext(b.Context(), "tcp", p.address)
	if err != nil {
		b.Error(err)
		return nil
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	var took []time.Duration
	for {
		select {
		case <-stop:
			return took
		case <-time.After(2 * time.Millisecond):
		}
		began := time.Now()
		if _, err := io.WriteString(conn, verifyRequest(token)); err != nil {
			b.Error(err)
			return took
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			b.Error(err)
			return took
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		took = append(took, time.Since(began))
	}
}
