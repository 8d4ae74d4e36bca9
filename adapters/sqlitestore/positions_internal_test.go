package sqlitestore

import (
	"testing"
	"time"
)

// TestPositionsOfUsersCreatedAtTheSameTime creates users at one moment and counts the queries, of which each user may
// cost two: with one for each millisecond that is used up, an import of a million users took hours.
func TestPositionsOfUsersCreatedAtTheSameTime(t *testing.T) {
	t.Parallel()
	const users = 200_000
	midnight := time.Date(2024, 2, 29, 0, 0, 0, 0, time.UTC)
	p, used, queries := newPositions(), map[int64]int64{}, 0
	last := func(from, _ int64) (*int64, error) {
		queries++
		if n, ok := used[from]; ok {
			return &n, nil
		}
		return nil, nil //nolint:nilnil // none is used
	}
	taken := map[int64]bool{}
	for i := range users {
		n, err := p.find(midnight.AddDate(0, 0, i%2), last)
		if err != nil || taken[n] {
			t.Fatalf("user %d: position %d, %v", i, n, err)
		}
		taken[n], used[n/perMilli*perMilli] = true, n
	}
	if queries > 2*users {
		t.Errorf("%d queries for %d users", queries, users)
	}
	p = newPositions() // after a restart
	if n, err := p.find(midnight, last); err != nil || taken[n] {
		t.Errorf("after a restart: position %d, %v", n, err)
	}
	for i := range 3 * maxFull {
		full := true // the first millisecond of each hour
		_, err := p.find(midnight.Add(time.Duration(i)*time.Hour), func(_, to int64) (*int64, error) {
			defer func() { full = false }()
			if full {
				return new(to - 1), nil
			}
			return nil, nil //nolint:nilnil // none is used
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if len(p.full) > maxFull {
		t.Errorf("%d times are remembered", len(p.full))
	}
}
