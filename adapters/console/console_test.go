package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/console"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

type greetInput struct {
	Name string `json:"name"`
}

type greetOutput struct {
	Greeting string               `json:"greeting"`
	Actor    string               `json:"actor"`
	Kind     domain.PrincipalKind `json:"kind"`
}

var (
	greet   = console.Define[greetInput, greetOutput]("test.greet")
	nothing = console.Define[struct{}, *int]("test.nothing")
	refuse  = console.Define[struct{}, struct{}]("test.refuse")
	count   = console.Define[int, int]("test.count")
	panics  = console.Define[struct{}, struct{}]("test.panics")
	waits   = console.Define[struct{}, struct{}]("test.waits")
	missing = console.Define[struct{}, struct{}]("test.missing")
	newer   = console.Define[struct{ Name, Surname string }, greetOutput]("test.greet")
)

var errRefused = fault.New(fault.Conflict, "last_admin", "Nobody would be left")

type countingIDs struct{ n atomic.Int64 }

func (c *countingIDs) NewID(prefix string) string {
	return prefix + strings.Repeat("x", int(c.n.Add(1)))
}

// newConsole returns the console of the tests; started hears of each wait that begins, ended of each that is cut off.
func newConsole(t *testing.T, started, ended chan struct{}) *console.Console {
	t.Helper()
	c, err := console.New(
		&countingIDs{},
		greet.Handle(func(_ context.Context, call console.Call, in greetInput) (greetOutput, error) {
			if call.By.Origin.RequestID == "" || !call.By.Can("users.manage") {
				t.Error("the operator has no request id, or may not everything")
			}
			return greetOutput{"hello " + in.Name, call.By.Actor(), call.By.Kind}, nil
		}),
		nothing.Handle(func(context.Context, console.Call, struct{}) (*int, error) { return nil, nil }),
		refuse.Handle(func(context.Context, console.Call, struct{}) (struct{}, error) {
			return struct{}{}, errRefused.About("role", "is the last").With("holder", "usr_1").After(3 * time.Second).Because(errors.New("the cause"))
		}),
		count.Handle(func(_ context.Context, call console.Call, to int) (int, error) {
			for i := range to {
				call.Report(console.Progress{Done: int64(i + 1), Total: int64(to), What: "counting"})
			}
			return to, nil
		}),
		panics.Handle(func(context.Context, console.Call, struct{}) (struct{}, error) { panic("at the disco") }),
		waits.Handle(func(ctx context.Context, _ console.Call, _ struct{}) (struct{}, error) {
			close(started)
			<-ctx.Done()
			close(ended)
			return struct{}{}, ctx.Err()
		}),
	)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// serve starts a server and returns the folder that it holds.
func serve(t *testing.T, caller console.Caller) string {
	t.Helper()
	dir := t.TempDir()
	server := console.NewServer(dir, caller)
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(context.Background()); err != nil { // the test's own context is over
			t.Error(err)
		}
	})
	return dir
}

func dial(t *testing.T, dir string) *console.Client {
	t.Helper()
	client, err := console.Dial(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// bothWays runs a test in the command's own process and through the socket.
func bothWays(t *testing.T, test func(t *testing.T, on console.Caller)) {
	t.Helper()
	c := newConsole(t, nil, nil)
	t.Run("in process", func(t *testing.T) { t.Parallel(); test(t, c) })
	t.Run("through the socket", func(t *testing.T) { t.Parallel(); test(t, dial(t, serve(t, c))) })
}

func TestOperationsAnswer(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, on console.Caller) {
		t.Helper()
		got, err := greet.Call(t.Context(), on, greetInput{"Ada"}, nil)
		want := greetOutput{"hello Ada", "cli", domain.PrincipalCLI}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Error(diff, err)
		}
		if out, err := nothing.Call(t.Context(), on, struct{}{}, nil); out != nil || err != nil {
			t.Errorf("nothing is %v, %v", out, err)
		}
	})
}

func TestOperationsFail(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, on console.Caller) {
		t.Helper()
		_, err := refuse.Call(t.Context(), on, struct{}{}, nil)
		f := fault.Of(err)
		if f.Kind != fault.Conflict || f.Code != "last_admin" || f.Message != "Nobody would be left" || f.RetryAfter() != 3*time.Second {
			t.Errorf("got %#v", f)
		}
		if diff := cmp.Diff([]fault.Detail{{Field: "role", Reason: "is the last"}}, f.Details()); diff != "" {
			t.Error(diff)
		}
		if f.Extra()["holder"] != "usr_1" || f.Unwrap() == nil || f.Unwrap().Error() != "the cause" {
			t.Errorf("the operator does not see why: %v", f)
		}
		if _, err := missing.Call(t.Context(), on, struct{}{}, nil); fault.Of(err).Code != "unknown_operation" {
			t.Errorf("an unknown operation: %v", err)
		}
		if _, err := newer.Call(t.Context(), on, struct{ Name, Surname string }{}, nil); fault.Of(err).Kind != fault.Invalid {
			t.Errorf("an input with more than this version knows: %v", err)
		}
	})
}

func TestProgressIsHeardInOrder(t *testing.T) {
	t.Parallel()
	bothWays(t, func(t *testing.T, on console.Caller) {
		t.Helper()
		var heard []int64
		got, err := count.Call(t.Context(), on, 5, func(p console.Progress) { heard = append(heard, p.Done) })
		if got != 5 || err != nil {
			t.Errorf("%d, %v", got, err)
		}
		if diff := cmp.Diff([]int64{1, 2, 3, 4, 5}, heard); diff != "" {
			t.Error(diff)
		}
	})
}

func TestPanicEndsOneOperationOnly(t *testing.T) {
	t.Parallel()
	client := dial(t, serve(t, newConsole(t, nil, nil)))
	if _, err := panics.Call(t.Context(), client, struct{}{}, nil); fault.Of(err).Kind != fault.Internal {
		t.Errorf("a panic is %v", err)
	}
	if _, err := greet.Call(t.Context(), client, greetInput{"Ada"}, nil); err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestClientThatLeavesEndsItsOperation(t *testing.T) {
	t.Parallel()
	started, ended := make(chan struct{}), make(chan struct{})
	client := dial(t, serve(t, newConsole(t, started, ended)))
	ctx, leave := context.WithCancel(t.Context())
	go func() {
		<-started
		leave()
	}()
	if _, err := waits.Call(ctx, client, struct{}{}, nil); fault.Of(err).Kind != fault.Unavailable {
		t.Errorf("a broken off operation is %v", err)
	}
	<-ended
}

func TestNoServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := console.Dial(t.Context(), dir); !errors.Is(err, console.ErrNoServer) {
		t.Errorf("an empty folder: %v", err)
	}
	// A crash leaves a socket file without a listener.
	left, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", filepath.Join(dir, console.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	if l, ok := left.(*net.UnixListener); ok {
		l.SetUnlinkOnClose(false)
	}
	if err := left.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := console.Dial(t.Context(), dir); !errors.Is(err, console.ErrNoServer) {
		t.Errorf("a socket that a crash left: %v", err)
	}
	server := console.NewServer(dir, newConsole(t, nil, nil))
	if err := server.Open(t.Context()); err != nil {
		t.Fatalf("in place of a socket that a crash left: %v", err)
	}
	if _, err := greet.Call(t.Context(), dial(t, dir), greetInput{"Ada"}, nil); err != nil {
		t.Error(err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if rest, err := os.ReadDir(dir); err != nil || len(rest) != 0 {
		t.Errorf("left behind: %v, %v", rest, err)
	}
}

func TestSocketIsTheOwnersAlone(t *testing.T) {
	t.Parallel()
	dir := serve(t, newConsole(t, nil, nil))
	info, err := os.Stat(filepath.Join(dir, console.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 || info.Mode().Type() != os.ModeSocket {
		t.Errorf("the socket is %s", info.Mode())
	}
}

// An installation on MongoDB with its key in the configuration keeps nothing else in the data directory.
func TestTheDataDirectoryIsCreated(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "absent", "data")
	server := console.NewServer(dir, newConsole(t, nil, nil))
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close(context.Background()) }()
	info, err := os.Stat(dir)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		t.Errorf("the directory has the mode %o", mode)
	}
}

func TestFolderMayHaveALongName(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), strings.Repeat("long/", 30))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	server := console.NewServer(dir, newConsole(t, nil, nil))
	if err := server.Open(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := greet.Call(t.Context(), dial(t, dir), greetInput{"Ada"}, nil); err != nil {
		t.Error(err)
	}
	if err := server.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestTwoOperationsOfOneName(t *testing.T) {
	t.Parallel()
	h := nothing.Handle(func(context.Context, console.Call, struct{}) (*int, error) { return nil, nil })
	if _, err := console.New(&countingIDs{}, h, h); err == nil {
		t.Error("passed")
	}
}

func FuzzInput(f *testing.F) {
	f.Add(`{"name":"Ada"}`)
	f.Add(`{"name":"Ada"} {}`)
	f.Add(`{"name":1,"name":"x"}`)
	f.Fuzz(func(t *testing.T, input string) {
		c := newConsole(t, nil, nil)
		_, err := c.Do(t.Context(), console.Request{Operation: greet.Name(), Input: json.RawMessage(input)})
		if err != nil && fault.Of(err).Kind != fault.Invalid {
			t.Errorf("%q: %v", input, err)
		}
	})
}
