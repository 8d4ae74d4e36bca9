package records

import (
	"context"
	"sync"
	"time"
)

const (
	// ActivityLimit is the maximum number of notes that an Activity holds, about 25 MB.
	ActivityLimit = 1 << 18
	// activityChunk is the number of notes of one write.
	activityChunk = 500
	// activityKept is how long a written note is kept: longer than any read that may have started before the write.
	activityKept = 5 * time.Second
)

// Note is the time of the last activity of a session, or of the last use of a key.
type Note struct {
	ID string
	At int64 // nanoseconds
}

// Activity holds notes until they are written to the store. Each request of a session makes one, and writing each would
// turn every read into a write. Losing one only shortens a session.
//
//   - A newer note of the same ID replaces the older one.
//   - Notes are written in chunks, those that have waited longest first. A chunk that was written is forgotten.
//   - A chunk whose write failed is kept and written after all others, so that it cannot stop them.
//   - Memory is bounded. While ActivityLimit notes are held, a note of another ID is dropped.
type Activity struct {
	now func() time.Time // monotonic

	mu      sync.Mutex
	notes   map[string]note
	queue   []string // the IDs to write
	written []writtenNotes
	dropped int64
	filled  chan struct{}
}

type note struct {
	at     int64
	queued bool
}

// writtenNotes are the notes of a chunk that is in the store.
type writtenNotes struct {
	notes []Note
	until time.Time
}

// NewActivity returns an empty Activity. now is a monotonic clock.
func NewActivity(now func() time.Time) *Activity {
	return &Activity{now: now, notes: map[string]note{}, filled: make(chan struct{}, 1)}
}

// Add notes the activity, unless a later one is noted.
func (a *Activity) Add(id string, at time.Time) {
	nanos := at.UnixNano()
	a.mu.Lock()
	defer a.mu.Unlock()
	n, found := a.notes[id]
	if found && n.at >= nanos {
		return
	}
	if !found && len(a.notes) >= ActivityLimit {
		a.forget()
		if len(a.notes) >= ActivityLimit {
			a.dropped++
			a.signal()
			return
		}
	}
	if !n.queued {
		a.queue = append(a.queue, id)
	}
	a.notes[id] = note{nanos, true}
	if len(a.queue) >= ActivityLimit/2 {
		a.signal()
	}
}

// Latest returns the later of the given time in nanoseconds and the noted one.
func (a *Activity) Latest(id string, at int64) int64 {
	a.mu.Lock()
	defer a.mu.Unlock()
	if n, found := a.notes[id]; found {
		return max(at, n.at)
	}
	return at
}

// Filled receives a value when so many notes wait that they should be written without delay.
func (a *Activity) Filled() <-chan struct{} { return a.filled }

// Flush writes the notes that wait when it is called, in chunks. It returns the error of the first chunk that fails.
func (a *Activity) Flush(ctx context.Context, write func(ctx context.Context, notes []Note) error) error {
	for left := a.waiting(); left > 0; {
		chunk := a.take(min(left, activityChunk))
		if len(chunk) == 0 {
			return nil
		}
		left -= len(chunk)
		err := write(ctx, chunk)
		a.end(chunk, err == nil)
		if err != nil {
			return err
		}
	}
	return nil
}

// Size returns the number of notes in memory, and how many were dropped.
func (a *Activity) Size() (held int, dropped int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.notes), a.dropped
}

func (a *Activity) signal() {
	select {
	case a.filled <- struct{}{}:
	default: // it is signaled already
	}
}

func (a *Activity) waiting() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.forget()
	return len(a.queue)
}

// take removes up to n notes from the queue.
func (a *Activity) take(n int) []Note {
	a.mu.Lock()
	defer a.mu.Unlock()
	n = min(n, len(a.queue))
	chunk := make([]Note, n)
	for i, id := range a.queue[:n] {
		at := a.notes[id].at
		chunk[i], a.notes[id] = Note{id, at}, note{at, false}
	}
	if a.queue = a.queue[n:]; len(a.queue) == 0 {
		a.queue = nil // releases the memory of the IDs
	}
	return chunk
}

// end keeps the notes of a written chunk for a while, or queues those of a failed one again.
func (a *Activity) end(chunk []Note, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if ok {
		a.written = append(a.written, writtenNotes{chunk, a.now().Add(activityKept)})
		a.forget()
		return
	}
	for _, w := range chunk {
		if n := a.notes[w.ID]; !n.queued {
			a.notes[w.ID] = note{n.at, true}
			a.queue = append(a.queue, w.ID)
		}
	}
}

// forget removes the written notes that no read can miss any more.
func (a *Activity) forget() {
	now, done := a.now(), 0
	for ; done < len(a.written) && !a.written[done].until.After(now); done++ {
		for _, w := range a.written[done].notes {
			if n := a.notes[w.ID]; n.at == w.At && !n.queued {
				delete(a.notes, w.ID)
			}
		}
	}
	if done > 0 {
		a.written = append([]writtenNotes(nil), a.written[done:]...)
	}
}
