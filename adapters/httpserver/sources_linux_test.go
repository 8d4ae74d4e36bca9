package httpserver_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// dialFrom connects from an address of the loopback network: on this system all of 127.0.0.0/8 is the machine itself.
func dialFrom(t *testing.T, source, address string) net.Conn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(source)}}
	nc, err := dialer.DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = nc.Close() })
	return nc
}

// isServed reports whether a request on the connection is answered; otherwise it must have been closed without a word.
func isServed(t *testing.T, nc net.Conn) bool {
	t.Helper()
	_, _ = io.WriteString(nc, "GET "+prefix+"/fine HTTP/1.1\r\nHost: x\r\n\r\n")
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		return false
	}
	if a := read(t, res); a.Status != http.StatusOK {
		t.Fatalf("%d %s", a.Status, a.Raw)
	}
	return res.Body.Close() == nil
}

func TestOneSourceHoldsNoMoreConnectionsThanItMay(t *testing.T) {
	t.Parallel()
	core, logged := observer.New(zap.WarnLevel)
	address, _ := start(t, httpserver.Config{ConnectionsPerSource: 3, Log: zap.New(core)},
		testAPI(get("/fine", httpserver.Public(), ok)))
	var held []net.Conn
	for range 3 {
		held = append(held, dialFrom(t, "127.0.0.1", address))
		if !isServed(t, held[len(held)-1]) {
			t.Fatal("a connection within the limit was closed")
		}
	}
	for range 20 {
		if isServed(t, dialFrom(t, "127.0.0.1", address)) {
			t.Fatal("a connection beyond the limit was served")
		}
	}
	if !isServed(t, dialFrom(t, "127.0.0.2", address)) {
		t.Error("another source was kept out")
	}
	for _, nc := range held {
		if !isServed(t, nc) {
			t.Error("a connection that was there before was closed")
		}
	}
	if entries := logged.All(); len(entries) != 1 || entries[0].ContextMap()["source"] != "127.0.0.1" {
		t.Errorf("logged: %v", entries)
	}
	_ = held[0].Close()
	for served := false; !served; { // once the server has seen that it left
		served = isServed(t, dialFrom(t, "127.0.0.1", address))
	}
}

func TestConnectionsOfTrustedProxiesAreNotCounted(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]httpserver.Config{
		"a trusted proxy": {ConnectionsPerSource: 1, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		"no limit":        {},
	} {
		address, _ := start(t, cfg, testAPI(get("/fine", httpserver.Public(), ok)))
		for range 20 {
			if !isServed(t, dialFrom(t, "127.0.0.1", address)) {
				t.Errorf("%s: a connection was closed", name)
			}
		}
	}
}

// TestSlowBodiesOfOneSourceLeaveRoomForOthers: a source that keeps its part of the memory with a body that does not end
// gets no more of it; small bodies and other sources do.
func TestSlowBodiesOfOneSourceLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	address, _ := start(t, httpserver.Config{BodyMemory: 64 << 10}, testAPI(post("/echo", httpserver.Public(), ok)))
	body := func(n int) string {
		head := "POST " + prefix + "/echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
		return fmt.Sprintf("%sContent-Length: %d\r\n\r\n", head, n) + strings.Repeat("x", n)
	}
	send := func(source string, n int) answer {
		nc := dialFrom(t, source, address)
		defer func() { _ = nc.Close() }() // on a busy machine many are sent before the slow body is read
		_, _ = io.WriteString(nc, body(n))
		return readAnswer(t, nc)
	}
	const length = 20_000
	slow := dialFrom(t, "127.0.0.1", address)
	_, _ = io.WriteString(slow, strings.TrimSuffix(body(length), "x"))
	var refused answer
	for refused.Status != http.StatusServiceUnavailable { // once the server has read as much
		if refused = send("127.0.0.1", length); refused.Status != http.StatusOK &&
			refused.Status != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", refused.Status, refused.Raw)
		}
	}
	wantFailure(t, refused, http.StatusServiceUnavailable, "storage_unavailable")
	if refused.Header.Get("Retry-After") != "1" || !refused.Closes {
		t.Errorf("%v, closes: %t", refused.Header, refused.Closes)
	}
	if a := send("127.0.0.1", 8<<10); a.Status != http.StatusOK {
		t.Errorf("a small body: %d %s", a.Status, a.Raw)
	}
	if a := send("127.0.0.2", length); a.Status != http.StatusOK {
		t.Errorf("another source: %d %s", a.Status, a.Raw)
	}
	_, _ = io.WriteString(slow, "x")
	if a := readAnswer(t, slow); a.Status != http.StatusOK {
		t.Errorf("the slow body: %d %s", a.Status, a.Raw)
	}
	if a := send("127.0.0.1", length); a.Status != http.StatusOK { // its memory was given back before it was answered
		t.Errorf("after the slow body: %d %s", a.Status, a.Raw)
	}
}

func readAnswer(t *testing.T, nc net.Conn) answer {
	t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return read(t, res)
}
