package httpserver

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

type realClock struct{}

func (realClock) Now() time.Time { return time.Now() }

func newTestContext(limit time.Duration) *requestContext {
	r := &requestContext{}
	r.init(realClock{}, time.Now().Add(limit), nil, &domain.Origin{})
	return r
}

// TestContextOfARequestEndsWithItsTimeLimit checks that contexts derived from it end too, and that the limit holds
// without a caller that waits.
func TestContextOfARequestEndsWithItsTimeLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestContext(time.Second)
		derived, cancel := context.WithCancel(r)
		defer cancel()
		quiet := newTestContext(time.Second)
		if derived.Err() != nil || quiet.Err() != nil {
			t.Error("it ended before its limit")
		}
		if at, ok := derived.Deadline(); !ok || !at.Equal(r.deadline) {
			t.Errorf("the deadline is %v, %v", at, ok)
		}
		time.Sleep(time.Second)
		synctest.Wait()
		for name, ctx := range map[string]context.Context{"awaited": r, "derived": derived, "not awaited": quiet} {
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("%s: %v after the limit", name, ctx.Err())
			}
		}
		<-quiet.Done()
	})
}

func TestContextOfARequestEndsWithItsHandler(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newTestContext(time.Hour)
		derived, cancel := context.WithCancel(r)
		defer cancel()
		r.end()
		synctest.Wait()
		late := newTestContext(time.Hour)
		late.end()
		<-late.Done()
		for name, ctx := range map[string]context.Context{"awaited": r, "derived": derived, "awaited later": late} {
			if !errors.Is(ctx.Err(), context.Canceled) {
				t.Errorf("%s: %v after the handler", name, ctx.Err())
			}
		}
		if kept := context.WithoutCancel(r); kept.Err() != nil {
			t.Errorf("without cancellation: %v", kept.Err())
		}
	})
}
