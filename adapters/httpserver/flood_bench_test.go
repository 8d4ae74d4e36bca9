package httpserver_test

import (
	"io"
	"net"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// BenchmarkFlood reports the memory that one source holds with as many connections as it may have, and what is left of
// it a minute after they are closed. The figures include the client's side of the connections, which is in the same
// process.
func BenchmarkFlood(b *testing.B) {
	head := "POST " + prefix +
		"/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 65536\r\n\r\n"
	for name, sent := range map[string]string{
		"heads":        "POST " + prefix + "/echo HTTP/1.1\r\nHost: x\r\nX-Slow: ",
		"empty":        head,
		"first byte":   head + "{",
		"whole bodies": head + strings.Repeat("x", 65535),
		"idle":         head + strings.Repeat("x", 65536),
	} {
		b.Run(strings.ReplaceAll(name, " ", "-"), func(b *testing.B) { flood(b, sent) })
	}
}

const floodConnections = 2048

func flood(b *testing.B, sent string) {
	b.Helper()
	address, _ := start(b, httpserver.Config{}, testAPI(post("/echo", httpserver.Public(), ok)))
	for b.Loop() {
		debug.FreeOSMemory()
		before := memory()
		var all []net.Conn
		for range floodConnections {
			nc, err := net.Dial("tcp", address)
			if err != nil {
				b.Fatal(err)
			}
			all = append(all, nc)
			_, _ = io.WriteString(nc, sent) // a refused connection may be closed already
		}
		time.Sleep(2 * time.Second) // the server takes what has come
		runtime.GC()
		held := memory()
		for _, nc := range all {
			_ = nc.Close()
		}
		all = nil
		time.Sleep(time.Minute)
		b.ReportMetric(megabytes(held-before), "held-MB")
		b.ReportMetric(megabytes(memory()-before), "kept-MB")
	}
}

// memory returns the bytes that the process has from the system.
func memory() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.Sys - m.HeapReleased)
}

func megabytes(n int64) float64 { return float64(n) / (1 << 20) }
