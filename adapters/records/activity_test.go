package records_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/records"
)

var errAway = errors.New("the store is away")

// activityStore is a store of notes with a clock.
type activityStore struct {
	*records.Activity

	now     time.Time
	stored  map[string]int64
	refuses map[string]bool // the write of a chunk with one of these fails
	largest int             // chunk
	writes  int
}

func newActivityStore() *activityStore {
	s := &activityStore{now: at(0), stored: map[string]int64{}, refuses: map[string]bool{}}
	s.Activity = records.NewActivity(func() time.Time { return s.now })
	return s
}

func at(second int) time.Time { return time.Unix(int64(second), 0) }

func (s *activityStore) flush() error {
	return s.Flush(context.Background(), func(_ context.Context, notes []records.Note) error {
		s.writes++
		s.largest = max(s.largest, len(notes))
		for _, n := range notes {
			if s.refuses[n.ID] || s.refuses["*"] {
				return errAway
			}
		}
		for _, n := range notes {
			s.stored[n.ID] = n.At
		}
		return nil
	})
}

func (s *activityStore) add(n, second int) {
	for i := range n {
		s.Add(fmt.Sprint("s", i), at(second))
	}
}

func TestActivityIsWrittenInChunksAndForgotten(t *testing.T) {
	t.Parallel()
	s := newActivityStore()
	const sessions = 10_500
	s.add(sessions, 1)
	s.add(sessions, 2)
	if err := s.flush(); err != nil {
		t.Fatal(err)
	}
	if len(s.stored) != sessions || s.stored["s7"] != at(2).UnixNano() || s.writes != 21 || s.largest != 500 {
		t.Errorf("%d notes in %d writes of up to %d, s7 = %d; want %d in 21 of up to 500, the last of each",
			len(s.stored), s.writes, s.largest, s.stored["s7"], sessions)
	}
	if got := s.Latest("s7", 0); got != at(2).UnixNano() {
		t.Errorf("Latest for a read that began before the write = %d, want the written time", got)
	}
	s.now = s.now.Add(5 * time.Second)
	if err := s.flush(); err != nil || s.writes != 21 {
		t.Errorf("flush without new notes = %v, %d writes", err, s.writes)
	}
	if held, dropped := s.Size(); held != 0 || dropped != 0 {
		t.Errorf("%d notes are held and %d dropped, want none", held, dropped)
	}
}

func TestActivityDuringWriteIsWrittenNext(t *testing.T) {
	t.Parallel()
	s := newActivityStore()
	s.Add("s", at(1))
	err := s.Flush(t.Context(), func(context.Context, []records.Note) error {
		s.Add("s", at(2))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	s.now = s.now.Add(time.Minute)
	if err := s.flush(); err != nil || s.stored["s"] != at(2).UnixNano() {
		t.Errorf("the note of the second request = %d, %v; want it stored", s.stored["s"], err)
	}
}

// TestFailingChunkIsKeptAndDoesNotStopOthers: the first chunk always fails. The round ends, and the next ones begin
// with the other chunks.
func TestFailingChunkIsKeptAndDoesNotStopOthers(t *testing.T) {
	t.Parallel()
	s := newActivityStore()
	s.add(5000, 1)
	s.refuses["s0"] = true
	if err := s.flush(); !errors.Is(err, errAway) || len(s.stored) != 0 {
		t.Fatalf("flush = %v with %d stored, want the failure of the first chunk", err, len(s.stored))
	}
	if err := s.flush(); !errors.Is(err, errAway) || len(s.stored) != 4500 {
		t.Errorf("flush = %v with %d stored, want 4500 before the same failure", err, len(s.stored))
	}
	delete(s.refuses, "s0")
	if err := s.flush(); err != nil || len(s.stored) != 5000 {
		t.Errorf("flush = %v with %d stored, want all", err, len(s.stored))
	}
}

func TestActivityIsBoundedWhileStoreIsAway(t *testing.T) {
	t.Parallel()
	s := newActivityStore()
	s.refuses["*"] = true
	for second := range 3 {
		s.add(records.ActivityLimit+1000, second)
		if err := s.flush(); !errors.Is(err, errAway) {
			t.Fatalf("flush = %v, want the failure", err)
		}
		if held, dropped := s.Size(); held != records.ActivityLimit || dropped != int64(1000*(second+1)) {
			t.Errorf("%d notes are held and %d dropped, want %d and %d", held, dropped, records.ActivityLimit,
				1000*(second+1))
		}
	}
	select {
	case <-s.Filled():
	default:
		t.Error("Filled has no value")
	}
	delete(s.refuses, "*")
	if err := s.flush(); err != nil || len(s.stored) != records.ActivityLimit {
		t.Errorf("flush afterwards = %v with %d stored, want all that were held", err, len(s.stored))
	}
	if s.stored["s9"] != at(2).UnixNano() {
		t.Error("an older note was kept instead of the newest of its session")
	}
}

func TestConcurrentActivityIsComplete(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	stored := map[string]int64{}
	a := records.NewActivity(func() time.Time { return at(0) })
	write := func(_ context.Context, notes []records.Note) error {
		mu.Lock()
		defer mu.Unlock()
		for _, n := range notes {
			stored[n.ID] = max(stored[n.ID], n.At)
		}
		return nil
	}
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for second := range 50 {
				for i := range 100 {
					a.Add(fmt.Sprint("s", i), at(second))
				}
				_ = a.Flush(context.Background(), write)
			}
		})
	}
	group.Wait()
	for i := range 100 {
		if got := stored[fmt.Sprint("s", i)]; got != at(49).UnixNano() {
			t.Errorf("s%d = %d, want the last time", i, got)
		}
	}
}
