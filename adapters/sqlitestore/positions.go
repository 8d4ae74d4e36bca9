package sqlitestore

import "time"

const (
	// perMilli is the number of positions of a millisecond.
	perMilli = 1 << 10
	// maxFull bounds the remembered times.
	maxFull = 1 << 10
)

// positions finds unused positions (n, the row ID) in the order of creation. Users of one import often have the same
// time of creation, a date without a time of day: the positions of its first milliseconds are used up then. positions
// remembers how far, since it took longer and longer to find out for each user. Only the writer uses it.
type positions struct {
	full map[int64]int64 // for the first position of a millisecond, the one of the first millisecond with room
}

func newPositions() *positions { return &positions{full: map[int64]int64{}} }

// find returns an unused position for a user with this time of creation. last returns the largest position in use from
// one position to before another; nil if there is none.
func (p *positions) find(created time.Time, last func(from, to int64) (*int64, error)) (int64, error) {
	first := max(0, created.UnixMilli()) * perMilli
	position := max(first, p.full[first])
	for {
		used, err := last(position, position+perMilli)
		if err != nil {
			return 0, err
		}
		if used == nil {
			return position, nil
		}
		if *used+1 < position+perMilli {
			return *used + 1, nil
		}
		position += perMilli
		if len(p.full) >= maxFull {
			clear(p.full)
		}
		p.full[first] = position
	}
}

// freePosition returns an unused position for a user with this time of creation.
func (s *Store) freePosition(t *tx, created time.Time) (int64, error) {
	return s.positions.find(created, func(from, to int64) (last *int64, err error) {
		return last, t.get(nil, "SELECT max(n) FROM users WHERE n >= ? AND n < ?", []any{from, to}, &last)
	})
}
