package conformance

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// SingleUseStore tests a ports.SingleUseStore.
func SingleUseStore(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives a thing once": func(t *testing.T, s Stores) {
			must(t, s.SingleUse.Put(t.Context(), "k", []byte("value"), farFuture))
			got, err := s.SingleUse.Consume(t.Context(), "k", epoch)
			must(t, err)
			same(t, string(got), "value")
			if _, err := s.SingleUse.Consume(t.Context(), "k", epoch); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("the second take: got %v, want ErrNotFound", err)
			}
		},
		"gives nothing after its expiry": func(t *testing.T, s Stores) {
			must(t, s.SingleUse.Put(t.Context(), "k", []byte("value"), farFuture))
			if _, err := s.SingleUse.Consume(t.Context(), "k", farFuture); !errors.Is(err, fault.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		},
		"refuses a key that is kept, and takes one that has expired": func(t *testing.T, s Stores) {
			must(t, s.SingleUse.Put(t.Context(), "k", nil, farFuture))
			if err := s.SingleUse.Put(t.Context(), "k", nil, farFuture); !errors.Is(err, fault.ErrConflict) {
				t.Errorf("got %v, want ErrConflict", err)
			}
			must(t, s.SingleUse.Put(t.Context(), "old", []byte("1"), longAgo))
			must(t, s.SingleUse.Put(t.Context(), "old", []byte("2"), farFuture))
			got, err := s.SingleUse.Consume(t.Context(), "old", epoch)
			must(t, err)
			same(t, string(got), "2")
		},
		"gives one of racing takers the thing": func(t *testing.T, s Stores) {
			must(t, s.SingleUse.Put(t.Context(), "k", []byte("value"), farFuture))
			gone := func(err error) bool { return errors.Is(err, fault.ErrNotFound) }
			if wins := race(t, 50, gone, func(int) error {
				_, err := s.SingleUse.Consume(t.Context(), "k", epoch)
				return err
			}); wins != 1 {
				t.Errorf("%d took it", wins)
			}
		},
		"lets one of racing putters keep theirs": func(t *testing.T, s Stores) {
			taken := func(err error) bool { return errors.Is(err, fault.ErrConflict) }
			if wins := race(t, 50, taken, func(i int) error {
				return s.SingleUse.Put(t.Context(), "k", []byte{byte(i)}, farFuture)
			}); wins != 1 {
				t.Errorf("%d put it", wins)
			}
		},
	})
}

// The suites run at any time between these two.
var (
	longAgo   = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	farFuture = time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)
)

// IdempotencyStore tests a ports.IdempotencyStore.
func IdempotencyStore(t *testing.T, open Open) {
	record := domain.IdempotencyRecord{
		Key: "k", Digest: []byte("d"), StartedAt: epoch,
		ExpiresAt: epoch.Add(24 * time.Hour),
	}
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives the second request the record of the first": func(t *testing.T, s Stores) {
			first, err := s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			if first != nil {
				t.Fatalf("the first request found a record")
			}
			second, err := s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			same(t, second, &record)
			done := record
			done.Answer = []byte("answer")
			must(t, s.Idempotency.Complete(t.Context(), done))
			third, err := s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			same(t, third, &done)
		},
		"forgets what was abandoned or has expired": func(t *testing.T, s Stores) {
			_, err := s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			must(t, s.Idempotency.Abandon(t.Context(), "k"))
			again, err := s.Idempotency.Begin(t.Context(), record)
			must(t, err)
			later := record
			later.StartedAt, later.ExpiresAt = record.ExpiresAt, record.ExpiresAt.Add(time.Hour)
			expired, err := s.Idempotency.Begin(t.Context(), later)
			must(t, err)
			if again != nil || expired != nil {
				t.Errorf("found %v and %v, want nothing", again, expired)
			}
		},
		"lets one of racing requests be the first": func(t *testing.T, s Stores) {
			second := func(err error) bool { return errors.Is(err, errRefused) }
			if firsts := race(t, 50, second, func(int) error {
				found, err := s.Idempotency.Begin(t.Context(), record)
				if err == nil && found != nil {
					return errRefused
				}
				return err
			}); firsts != 1 {
				t.Errorf("%d were the first", firsts)
			}
		},
	})
}
