package console_test

import (
	"context"
	"encoding/json"
	"errors"
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

// bothWays runs a test in the command's own process and through the socket.
func bothWays(t *testing.T, test func(t *testing.T, on console.Caller)) {
	t.Helper()
	c := newConsole(t, nil, nil)
	t.Run("in process", func(t *testing.T) { t.Parallel(); test(t, c) })
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

func TestProgressIsReportedInOrder(t *testing.T) {
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
