package bench_test

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var imported = flag.Int("imported", 100_000, "the number of users that BenchmarkImport imports")

// Limits of an import, for a million users.
const (
	importSeconds    = 200 // of processor time, of the server and the command together
	importServerMiB  = 200 // resident memory of the server
	importCommandMiB = 60  // and of the command
)

// BenchmarkImport imports a generated file through the command line, beside a server: an export of the Users API, and
// JSON lines whose users were all created at midnight. Another client verifies a token meanwhile.
func BenchmarkImport(b *testing.B) {
	for name, write := range map[string]func(to *bufio.Writer, i int){
		"users-api": writeExported, "users": writeLine,
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				importOnce(b, name, write)
			}
		})
	}
}

// mostMemory returns the largest resident memory of a process until it has ended, in MiB. (What the kernel reports of
// an ended process counts the program that started it.)
func mostMemory(pid int, ended <-chan struct{}) float64 {
	most := 0.0
	for {
		if now, err := statusMiB(pid, "VmHWM"); err == nil {
			most = max(most, now)
		}
		select {
		case <-ended:
			return most
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func writeLine(to *bufio.Writer, i int) {
	_, _ = fmt.Fprintf(to, `{"username":"user%07d","email":"user%07d@example.com","full_name":"User Number %d",`+
		`"created_at":"2024-02-29T00:00:00Z","password_hash":"$2a$10$%022d%031d"}`+"\n", i, i, i, i, i)
}

func writeExported(to *bufio.Writer, i int) {
	if i > 0 {
		_ = to.WriteByte(',')
	}
	_, _ = fmt.Fprintf(to, `{"id":%d,"identifier":"%08x","username":"user%07d","email":"user%07d@example.com",`+
		`"role":{"name":"user"},"name":"User","lastname":"Number %d","password":"$2a$10$%022d%031d"}`+"\n",
		i, i, i, i, i, i, i)
}

func importFile(b *testing.B, kind string, write func(to *bufio.Writer, i int)) string {
	b.Helper()
	name := filepath.Join(b.TempDir(), "file")
	file, err := os.Create(name)
	if err != nil {
		b.Fatal(err)
	}
	to := bufio.NewWriter(file)
	if kind == "users-api" {
		_, _ = to.WriteString(`{"version":"1.0","data":{"Roles":[],"Users":[`)
	}
	for i := range *imported {
		write(to, i)
	}
	if kind == "users-api" {
		_, _ = to.WriteString(`]}}`)
	}
	if err := to.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := file.Close(); err != nil {
		b.Fatal(err)
	}
	return name
}

func importOnce(b *testing.B, kind string, write func(to *bufio.Writer, i int)) {
	b.Helper()
	file, p := importFile(b, kind, write), startProgram(b)
	c := p.signIn(b)
	quiet := inMilliseconds(p.watchFor(b, c.Access, 2*time.Second), 99)
	before := c.used(b)
	stop := make(chan struct{})
	var watching sync.WaitGroup
	var verifies []time.Duration
	watching.Go(func() { verifies = p.watch(b, c.Access, stop) })
	cmd := exec.CommandContext(context.WithoutCancel(b.Context()), p.binary, "import", kind, file)
	cmd.Env = append(os.Environ(), "OSTIARY_DATA_DIR="+p.data, "GOGC=")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	resident := make(chan float64)
	go func() { resident <- mostMemory(cmd.Process.Pid, ended) }()
	err := cmd.Wait()
	close(ended)
	close(stop)
	watching.Wait()
	if err != nil || !strings.Contains(out.String(), fmt.Sprintf("%d imported, 0 exist already, 0 refused", *imported)) {
		b.Fatalf("%v: %.2000s", err, out.String())
	}
	command := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	million := 1e6 / float64(*imported)
	name := fmt.Sprintf("import %s, %d users: ", kind, *imported)
	withLimit(b, name+"processor time for a million",
		(c.used(b)-before+command).Seconds()*million, importSeconds, "cpu-s")
	withLimit(b, name+"memory of the server", p.memory(b, "VmHWM"), importServerMiB, "MiB-server")
	withLimit(b, name+"memory of the command", <-resident, importCommandMiB, "MiB-command")
	withLimit(b, name+"verify p99 meanwhile", inMilliseconds(verifies, 99), max(20, 2*quiet), "ms-p99")
	if status, _, err := p.login("root"); err != nil || status != http.StatusOK {
		b.Fatalf("signing in after the import: %d, %v", status, err)
	}
}
