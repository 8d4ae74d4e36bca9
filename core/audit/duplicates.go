package audit

import (
	"container/heap"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// recentIDs is how many ids a search for duplicates keeps. Entries that were written out of order by fewer than
	// this need no second pass.
	recentIDs = 1 << 14
	// lateIDs is how many late ids one further pass searches for.
	lateIDs = 1 << 16
)

// duplicates finds an id that occurs twice in a log of any length, exactly and in constant memory.
//
// Ids sort by the time they were generated, so the ids of a log are mostly in ascending order. The greatest ids so
// far are kept. An id greater than every dropped id is new, unless it is among those kept. Any other id is late: a
// copy of an old entry is, an entry written slightly out of order is not. A second pass counts how often each late id
// occurs.
type duplicates struct {
	keep, limit int
	recent      map[domain.LogID]int64 // positions
	order       idHeap
	maxDropped  domain.LogID // the greatest id that was dropped
	late        map[domain.LogID]int64
	seen        int64 // entries of this pass
	from        int64 // entries up to this one were checked by earlier passes
	until       int64 // the entry of the last late id; with full late, later entries are left to the next pass
}

// occurrence is an id that occurs twice.
type occurrence struct {
	id            domain.LogID
	first, second int64 // positions
}

func newDuplicates(keep, limit int) *duplicates {
	d := &duplicates{keep: keep, limit: limit}
	d.restart()
	return d
}

func (d *duplicates) restart() {
	d.from, d.until, d.seen, d.maxDropped = d.until, 0, 0, ""
	d.recent, d.late, d.order = make(map[domain.LogID]int64), make(map[domain.LogID]int64), d.order[:0]
}

// see adds the next entry of the first pass. It returns an occurrence if the id is among those kept.
func (d *duplicates) see(id domain.LogID, seq int64) *occurrence {
	d.seen++
	if first, ok := d.recent[id]; ok {
		return &occurrence{id: id, first: first, second: seq}
	}
	if id <= d.maxDropped {
		if d.seen > d.from && len(d.late) < d.limit {
			d.late[id] = 0
			d.until = d.seen
		}
		return nil
	}
	d.recent[id] = seq
	heap.Push(&d.order, id)
	if len(d.order) > d.keep {
		d.maxDropped, _ = heap.Pop(&d.order).(domain.LogID)
		delete(d.recent, d.maxDropped)
	}
	return nil
}

// entryWalk calls yield for each entry with its position.
type entryWalk func(yield func(id domain.LogID, seq int64) error) error

// search looks for the late ids, after a first pass over the same entries. Each further pass except the last decides
// lateIDs entries.
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

// count returns the first late id that the pass finds a second time.
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

// finding returns the finding for an occurrence.
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
