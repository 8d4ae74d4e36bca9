package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// TestShutdownLosesNoAnswer has many clients send one request after another over kept connections while the server
// shuts down. Whatever a handler has done, its client must have heard of.
func TestShutdownLosesNoAnswer(t *testing.T) {
	t.Parallel()
	for range 10 {
		shutdownUnderLoad(t)
	}
}

func shutdownUnderLoad(t *testing.T) {
	t.Helper()
	var done, received atomic.Int64
	address, server := start(t, httpserver.Config{},
		testAPI(post("/work", httpserver.Public(), func(r *httpserver.Request) error {
			done.Add(1)
			return ok(r)
		})))
	var clients sync.WaitGroup
	for range 50 {
		clients.Go(func() { received.Add(hammer(address)) })
	}
	for done.Load() < 2000 {
		time.Sleep(time.Millisecond) // the load is on; no result depends on how long this takes
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := server.Close(ctx); err != nil {
		t.Errorf("close: %v", err)
	}
	clients.Wait()
	if done.Load() != received.Load() {
		t.Errorf("%d requests were done, %d responses were received", done.Load(), received.Load())
	}
}

// hammer sends requests over one connection until it fails, and returns how many were answered in full.
func hammer(address string) (answered int64) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0
	}
	defer func() { _ = conn.Close() }()
	reader := bufio.NewReader(conn)
	for {
		_, err := io.WriteString(conn,
			"POST "+prefix+"/work HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		if err != nil {
			return answered
		}
		res, err := http.ReadResponse(reader, nil)
		if err != nil {
			return answered
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusOK || !strings.Contains(string(body), "ok") {
			return answered
		}
		answered++
		if res.Close {
			return answered
		}
	}
}

func TestShutdownWaitsForHandlersUntilTheDeadline(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	address, server := start(t, httpserver.Config{},
		testAPI(get("/slow", httpserver.Public(), func(r *httpserver.Request) error {
			close(entered)
			<-release
			return ok(r)
		})))
	answers := make(chan answer, 1)
	go func() { answers <- call(t, http.MethodGet, address, prefix+"/slow", "") }()
	<-entered
	closed := make(chan error, 1)
	go func() { closed <- server.Close(t.Context()) }()
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = conn.Close()
	}
	select {
	case err := <-closed:
		t.Fatal("closed with a handler at work", err)
	default:
	}
	close(release)
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if a := <-answers; a.Status != http.StatusOK {
		t.Errorf("status %d", a.Status)
	}
}

func TestShutdownCutsOffWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	address, server := start(t, httpserver.Config{},
		testAPI(get("/stuck", httpserver.Public(), func(r *httpserver.Request) error {
			close(entered)
			<-release
			return ok(r)
		})))
	go func() { _, _ = rawCall(t, address, "GET "+prefix+"/stuck HTTP/1.1\r\nHost: x\r\n\r\n") }()
	<-entered
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := server.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("close: %v", err)
	}
	close(release)
}
