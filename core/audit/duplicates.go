package audit

import (
	"container/heap"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// recentIDs is how many ids a search for duplicates keeps. Entries that were written out of order by fewer than this cost
	// no second walk.
	recentIDs = 1 << 14
	// lateIDs is how many late ids one more walk looks for.
	lateIDs = 1 << 16
)

// duplicates finds an id that occurs twice in a log of any length, exactly and in constant memory.
//
// Ids sort by the time they were generated, so the ids of a log mostly ascend. The greatest ids so far are kept. An id above
// every id that was dropped is new, unless it is among those that are kept. Any other id is late: entries written a little out
// of order are not, the copy of an old entry is. A second walk counts how often each late id occurs.
type duplicates struct {
	keep, limit int
	recent      map[domain.LogID]int64 // places
	order       idHeap
	floor       domain.LogID // the greatest id that was dropped
	late        map[domain.LogID]int64
	seen        int64 // entries of this walk
	from        int64 // entries up to this one were searched for by earlier walks
	until       int64 // the entry of the last late id; with full late, those after it are left to another walk
}

// occurrence is an id that occurs twice.
type occurrence struct {
	id            domain.LogID
	first, second int64 // places
}

func newDuplicates(keep, limit int) *duplicates {
	d := &duplicates{keep: keep, limit: limit}
	d.restart()
	return d
}

func (d *duplicates) restart() {
	d.from, d.until, d.seen, d.floor = d.until, 0, 0, ""
	d.recent, d.late, d.order = make(map[domain.LogID]int64), make(map[domain.LogID]int64), d.order[:0]
}

// see takes the next entry of the first walk. It returns the occurrence when its id is among those that are kept.
func (d *duplicates) see(id domain.LogID, seq int64) *occurrence {
	d.seen++
	if first, ok := d.recent[id]; ok {
		return &occurrence{id: id, first: first, second: seq}
	}
	if id <= d.floor {
		if d.seen > d.from && len(d.late) < d.limit {
			d.late[id] = 0
			d.until = d.seen
		}
		return nil
	}
	d.recent[id] = seq
	heap.Push(&d.order, id)
	if len(d.order) > d.keep {
		d.floor, _ = heap.Pop(&d.order).(domain.LogID)
		delete(d.recent, d.floor)
	}
	return nil
}

// entryWalk calls yield for each entry with its place.
type entryWalk func(yield func(id domain.LogID, seq int64) error) error

// search looks for the late ids, after a first walk over the same entries. Each further walk but the last decides about lateIDs
// entries.
func (d *duplicates) search(walk entryWalk) (*occurrence, error) {
	for len(d.late) > 0 {
		found, err := d.count(walk)
		if found != nil || err != nil || len(d.late) < d.limit {
			return found, err
		}
		d.restart()
		err = walk(func(id domain.LogID, seq int64) error {
			d.see(id, seq)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return nil, nil //nolint:nilnil // no id occurs twice
}

// count returns the first late id that the walk meets a second time.
func (d *duplicates) count(walk entryWalk) (*occurrence, error) {
	var found *occurrence
	err := walk(func(id domain.LogID, seq int64) error {
		first, isLate := d.late[id]
		switch {
		case !isLate:
		case first == 0:
			d.late[id] = seq
		default:
			found = &occurrence{id: id, first: first, second: seq}
			return errEnough
		}
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return found, err
}

// finding returns the damage that an occurrence is.
func (o *occurrence) finding() *Finding {
	if o == nil {
		return nil
	}
	return &Finding{Damage: DamageAdded, Seq: o.second, ID: o.id, Reason: reasonCopy(o.first)}
}

// idHeap is a heap with the least id on top.
type idHeap []domain.LogID

func (h idHeap) Len() int           { return len(h) }
func (h idHeap) Less(i, j int) bool { return h[i] < h[j] }
func (h idHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }

// Push implements heap.Interface.
func (h *idHeap) Push(id any) {
	text, _ := id.(domain.LogID)
	*h = append(*h, text)
}

// Pop implements heap.Interface.
func (h *idHeap) Pop() any {
	last := (*h)[len(*h)-1]
	*h = (*h)[:len(*h)-1]
	return last
}
