package bench_test

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/core/domain"
)

var millionDir = flag.String("million-dir", "",
	"a directory for the installation of a million users, which is kept and used again; empty makes one each time")

// millionUsers returns a directory whose "data" has an installation with a million users.
func millionUsers(b *testing.B) string {
	b.Helper()
	dir := *millionDir
	if dir == "" {
		dir = b.TempDir()
	}
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir
	}
	startProgramIn(b, dir).stop() // which creates the key file with the database
	s, err := sqlitestore.Open(b.Context(), sqlitestore.Config{Dir: filepath.Join(dir, "data"), Clock: sysclock.Clock{}})
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for done := 0; done < 1_000_000; {
		users := make([]domain.User, 0, 1000)
		for range 1000 {
			user := benchUser(random, done)
			user.Groups, user.Sessions = nil, nil
			users = append(users, user)
			done++
		}
		if err := s.Users().CreateAll(b.Context(), users, domain.Outbox{}); err != nil {
			b.Fatal(err)
		}
	}
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o600); err != nil {
		b.Fatal(err)
	}
	return dir
}

// BenchmarkMillion starts the program on a million users. It reports the processor time until it is ready, and the
// memory of the idle service.
func BenchmarkMillion(b *testing.B) {
	dir := millionUsers(b)
	for b.Loop() {
		var starts []float64
		for range 5 {
			starts = append(starts, startOnce(b, dir))
		}
		slices.Sort(starts)
		withLimit(b, "start with a million users", starts[len(starts)/2], 0.05, "cpu-s-start")
		p := startProgramIn(b, dir)
		withLimit(b, "idle with a million users", p.idleMemory(b), 30, "MiB-idle")
		p.stop()
	}
}

// startOnce returns the processor time of the program until it was ready, in seconds.
func startOnce(b *testing.B, dir string) float64 {
	b.Helper()
	p := startProgramIn(b, dir)
	defer p.stop()
	return (&child{pid: p.pid}).used(b).Seconds()
}

const keptConnections = 10_000

// TestChildConnections is no test: it opens connections for BenchmarkConnections, which would otherwise need twice as
// many files.
func TestChildConnections(t *testing.T) {
	t.Parallel()
	address := os.Getenv(childVariable + "_ADDRESS")
	if address == "" {
		return
	}
	request := "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
	conns := make([]net.Conn, 0, keptConnections)
	answer := make([]byte, 4096)
	for range keptConnections {
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		conns = append(conns, conn)
	}
	for { // each connection is used, so that none is closed for idleness
		for _, conn := range conns {
			if _, err := conn.Write([]byte(request)); err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Read(answer); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := os.Stdout.WriteString("used\n"); err != nil {
			return // the benchmark is over
		}
		time.Sleep(15 * time.Second)
	}
}

// BenchmarkConnections keeps 10,000 connections open, each of which was used. It reports the memory of the service, the
// 99th percentile of verify among them, and while 200 users sign in at once.
func BenchmarkConnections(b *testing.B) {
	p := startProgram(b, "OSTIARY_HTTP_MAX_CONNECTIONS_PER_SOURCE=0")
	c := p.signIn(b)
	signIns := p.burst(b, c.Access)
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestChildConnections$", "-test.timeout=1h")
	cmd.Env = append(os.Environ(), childVariable+"_ADDRESS="+p.address)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	defer func() {
		_ = out.Close()
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	for b.Loop() {
		if line := make([]byte, 5); true {
			if _, err := out.Read(line); err != nil || !strings.HasPrefix(string(line), "used") {
				b.Fatalf("the connections were not opened: %q, %v", line, err)
			}
		}
		verifies := p.watchFor(b, c.Access, 10*time.Second)
		name := fmt.Sprintf("%d connections: ", keptConnections)
		withLimit(b, name+"memory", p.memory(b, "VmRSS"), 300, "MiB-connections")
		withLimit(b, name+"verify p99", inMilliseconds(verifies, 99), 20, "ms-p99")
		stop := make(chan struct{})
		done := make(chan []time.Duration)
		go func() { done <- p.watch(b, c.Access, stop) }()
		_, refused, _ := signIns()
		close(stop)
		b.ReportMetric(float64(refused), "refused")
		withLimit(b, name+"verify p99 beside 200 sign-ins", inMilliseconds(<-done, 99), 50, "ms-p99-burst")
		res, err := p.client.Get("http://" + p.address + "/readyz")
		if err != nil {
			b.Fatalf("afterwards: %v", err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			b.Fatalf("afterwards: %s", res.Status)
		}
	}
}
