package httpserver_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

const childVariable = "OSTIARY_TEST_FEW_FILES"

// TestAServerOutOfFilesComesBack opens more connections than a process may have files, then lets them go: the server
// must take new ones again. The process is a child, since the limit is of the whole of one.
func TestAServerOutOfFilesComesBack(t *testing.T) {
	t.Parallel()
	if os.Getenv(childVariable) != "" {
		serveWithFewFiles(t)
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestAServerOutOfFilesComesBack$")
	child.Env = append(os.Environ(), childVariable+"=1")
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	stop, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = stop.Close() // the child ends
		_ = child.Wait()
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	address := strings.TrimSpace(line)
	var open []net.Conn
	for range 200 { // the kernel takes them all; the server can hold about thirty
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	for _, conn := range open {
		_ = conn.Close()
	}
	a, answered := rawCall(t, address, "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	if !answered || a.Status != http.StatusOK {
		t.Errorf("the server did not come back: %v %d", answered, a.Status)
	}
}

func serveWithFewFiles(t *testing.T) {
	t.Helper()
	address, _ := start(t, httpserver.Config{})
	limit := syscall.Rlimit{Cur: 40, Max: 40}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	_, _ = os.Stdout.WriteString(address + "\n")
	_, _ = os.Stdin.Read(make([]byte, 1)) // until the parent is done
}
