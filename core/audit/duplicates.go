package audit

import (
	"fmt"
	"maps"
	"slices"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

const (
	// recentIDs is how many ids a search for duplicates keeps at most. Entries that were written out of order by fewer
	// than half of this need no second pass.
	recentIDs = 1 << 15
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
	maxDropped  domain.LogID           // the greatest id that was dropped
	late        map[domain.LogID]int64
	seen        int64 // entries of this pass
	from        int64 // entries up to this one were checked by earlier passes
	until       int64 // the entry of the last late id; with full late, later entries are left to the next pass
}

func newDuplicates(keep, limit int) *duplicates {
	d := &duplicates{keep: keep, limit: limit}
	d.restart()
	return d
}

func (d *duplicates) restart() {
	d.from, d.until, d.seen, d.maxDropped = d.until, 0, 0, ""
	d.recent, d.late = make(map[domain.LogID]int64), make(map[domain.LogID]int64)
}

// see adds the next entry of the first pass. It returns a *Finding if the id is among those kept.
func (d *duplicates) see(e *entry) error {
	d.seen++
	id := auditformat.IDOf(e.Public)
	if first, ok := d.recent[id]; ok {
		return repeatedID(e, id, first)
	}
	if id <= d.maxDropped {
		if d.seen > d.from && len(d.late) < d.limit {
			d.late[id] = 0
			d.until = d.seen
		}
		return nil
	}
	d.recent[id] = e.Seq
	if len(d.recent) > d.keep {
		ids := slices.Sorted(maps.Keys(d.recent))
		ids = ids[:len(ids)/2]
		d.maxDropped = ids[len(ids)-1]
		for _, dropped := range ids {
			delete(d.recent, dropped)
		}
	}
	return nil
}

// search looks for the late ids, after a first pass over the same entries, and returns a *Finding if one occurs twice.
// Each further pass except the last decides lateIDs entries.
func (d *duplicates) search(walk func(yield func(*entry) error) error) error {
	for len(d.late) > 0 {
		if err := walk(d.count); err != nil || len(d.late) < d.limit {
			return err
		}
		d.restart()
		err := walk(func(e *entry) error {
			_ = d.see(e) // the first pass has found none
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// count returns a *Finding if the entry is the second with a late id.
func (d *duplicates) count(e *entry) error {
	id := auditformat.IDOf(e.Public)
	first, isLate := d.late[id]
	switch {
	case !isLate:
	case first == 0:
		d.late[id] = e.Seq
	default:
		return repeatedID(e, id, first)
	}
	return nil
}

// repeatedID returns the finding for an entry with the id of the entry at the first position.
func repeatedID(e *entry, id domain.LogID, first int64) *Finding {
	f := about(DamageAdded, e, fmt.Sprintf("its id occurs twice: it is a copy of the entry at position %d", first))
	f.ID = id
	return f
}
