package ports_test

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary/ostiary/ports"
)

func TestStorageTimeCountsConcurrentAndNestedCallsOnce(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	var spent ports.StorageTime
	spent.Begin(at(0))
	spent.Begin(at(1)) // inside the first or beside it
	spent.End(at(3))
	spent.End(at(4))
	if got := spent.Begin(at(10)); got != 4*time.Second {
		t.Errorf("spent before the third call = %v, want 4s", got)
	}
	if got := spent.Begin(at(11)); got != 5*time.Second {
		t.Errorf("spent before a call beside the third = %v, want 5s", got)
	}
}

func TestDetachedWorkHasNoStorageTime(t *testing.T) {
	t.Parallel()
	ctx := context.WithValue(t.Context(), ports.StorageTimeKey{}, new(ports.StorageTime))
	if ports.StorageTimeOf(ctx) == nil || ports.StorageTimeOf(ports.WithoutStorageTime(ctx)) != nil ||
		ports.StorageTimeOf(t.Context()) != nil {
		t.Error("the storage time is that of another context")
	}
}
