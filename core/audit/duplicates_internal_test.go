package audit

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

// searchAll searches for a duplicate among ids whose positions count from 1.
func searchAll(t *testing.T, keep, limit int, ids []domain.LogID) (*occurrence, int) {
	t.Helper()
	d, walks := newDuplicates(keep, limit), 1
	for i, id := range ids {
		if found := d.see(id, int64(i+1)); found != nil {
			return found, walks
		}
		if len(d.recent) > keep || len(d.late) > limit {
			t.Fatalf("%d recent and %d late ids are kept, want at most %d and %d", len(d.recent), len(d.late), keep, limit)
		}
	}
	found, err := d.search(func(yield func(domain.LogID, int64) error) error {
		walks++
		for i, id := range ids {
			if err := yield(id, int64(i+1)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found, walks
}

func TestDuplicateIDsAreFoundInAnyOrderWithBoundedMemory(t *testing.T) {
	t.Parallel()
	orders := map[string]func(r *rand.Rand, ids []domain.LogID){
		"ascending": func(*rand.Rand, []domain.LogID) {},
		"descending": func(_ *rand.Rand, ids []domain.LogID) {
			for i := range len(ids) / 2 {
				ids[i], ids[len(ids)-1-i] = ids[len(ids)-1-i], ids[i]
			}
		},
		"shuffled": func(r *rand.Rand, ids []domain.LogID) {
			r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
		},
		"one id ahead":  func(_ *rand.Rand, ids []domain.LogID) { ids[0] = "z" },
		"nearly sorted": func(_ *rand.Rand, ids []domain.LogID) { ids[10], ids[12] = ids[12], ids[10] },
	}
	for name, order := range orders {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, 2))
			for round := range 200 {
				ids := make([]domain.LogID, 60)
				for i := range ids {
					ids[i] = domain.LogID(fmt.Sprintf("log_%03d", i))
				}
				order(r, ids)
				if found, _ := searchAll(t, 8, 4, ids); found != nil {
					t.Fatalf("round %d: %+v was found among distinct ids %v", round, found, ids)
				}
				from, to := r.IntN(len(ids)), r.IntN(len(ids))
				if from == to {
					continue
				}
				ids[to] = ids[from]
				found, _ := searchAll(t, 8, 4, ids)
				if found == nil || found.id != ids[to] || found.first != int64(min(from, to)+1) ||
					found.second != int64(max(from, to)+1) {
					t.Fatalf("round %d: found %+v, want %s at %d and %d", round, found, ids[to], min(from, to)+1, max(from, to)+1)
				}
			}
		})
	}
}

func TestNearlySortedIDsTakeOnePass(t *testing.T) {
	t.Parallel()
	ids := make([]domain.LogID, 1000)
	for i := range ids {
		ids[i] = domain.LogID(fmt.Sprintf("log_%04d", i^3)) // a little out of order
	}
	if found, walks := searchAll(t, 8, 4, ids); found != nil || walks != 1 {
		t.Errorf("found %+v in %d walks, want nothing in 1", found, walks)
	}
}
