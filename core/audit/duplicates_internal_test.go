package audit

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

// searchAll searches for a duplicate among ids whose positions count from 1.
func searchAll(t *testing.T, keep, limit int, ids []domain.LogID) (found *Finding, walks int) {
	t.Helper()
	d := newDuplicates(keep, limit)
	walk := func(yield func(*entry) error) error {
		walks++
		for i, id := range ids {
			text := []byte(`{"v":1,"log_id":"` + id + `"`)
			if err := yield(&entry{Record: auditformat.Record{Seq: int64(i + 1), Public: text}}); err != nil {
				return err
			}
		}
		return nil
	}
	err := walk(func(e *entry) error {
		if err := d.see(e); err != nil {
			return err
		}
		if len(d.recent) > keep || len(d.late) > limit {
			t.Fatalf("%d recent and %d late ids are kept, want at most %d and %d", len(d.recent), len(d.late), keep, limit)
		}
		return nil
	})
	if err == nil {
		err = d.search(walk)
	}
	if err != nil && !errors.As(err, &found) {
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
				if found == nil || found.ID != ids[to] || found.Seq != int64(max(from, to)+1) ||
					!strings.HasSuffix(found.Reason, fmt.Sprintf(" at position %d", min(from, to)+1)) {
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
