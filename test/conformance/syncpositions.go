package conformance

import (
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// SyncPositionStore tests a ports.SyncPositionStore.
func SyncPositionStore(t *testing.T, open Open) {
	get := func(t *testing.T, s Stores, id domain.DirectoryID) domain.SyncPosition {
		t.Helper()
		got, err := s.SyncPositions.SyncPosition(t.Context(), id)
		must(t, err)
		return got
	}
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives a zero position where there is none": func(t *testing.T, s Stores) {
			same(t, get(t, s, "corp"), domain.SyncPosition{})
		},
		"gives back what was put last, for each directory its own": func(t *testing.T, s Stores) {
			first, second, other := Filled[domain.SyncPosition](), Filled[domain.SyncPosition](), Filled[domain.SyncPosition]()
			second.Directory, second.Next, second.CompleteAt = first.Directory, "later", epoch.Add(time.Hour)
			other.Directory, other.Next = "other", "other"
			must(t, s.SyncPositions.PutSyncPosition(t.Context(), first))
			same(t, get(t, s, first.Directory), first)
			must(t, s.SyncPositions.PutSyncPosition(t.Context(), other))
			must(t, s.SyncPositions.PutSyncPosition(t.Context(), second))
			same(t, get(t, s, first.Directory), second)
			same(t, get(t, s, "other"), other)
		},
		"keeps one of racing puts whole": func(t *testing.T, s Stores) {
			if n := race(t, 20, never, func(i int) error {
				return s.SyncPositions.PutSyncPosition(t.Context(), domain.SyncPosition{
					Directory: "corp", Next: strconv.Itoa(i), CompleteAt: epoch.Add(time.Duration(i) * time.Second),
				})
			}); n != 20 {
				t.Errorf("%d of 20 puts worked", n)
			}
			if got := get(t, s, "corp"); got.Next != strconv.Itoa(int(got.CompleteAt.Sub(epoch)/time.Second)) {
				t.Errorf("it is mixed from two: %q at %s", got.Next, got.CompleteAt)
			}
		},
	})
}
