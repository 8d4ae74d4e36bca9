package conformance

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
)

// AdminGuard tests a ports.AdminGuard.
func AdminGuard(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"holds who has joined and not left": func(t *testing.T, s Stores) {
			must(t, s.Guard.Join(t.Context(), "usr_a", "usr_b"))
			must(t, s.Guard.Join(t.Context(), "usr_b", "usr_c"))
			must(t, s.Guard.Leave(t.Context(), "usr_a"))
			members(t, s, "usr_b", "usr_c")
		},
		"keeps the last one": func(t *testing.T, s Stores) {
			must(t, s.Guard.Join(t.Context(), "usr_a", "usr_b"))
			if err := s.Guard.Leave(t.Context(), "usr_a", "usr_b"); !errors.Is(err, domain.ErrLastAdmin) {
				t.Errorf("got %v, want ErrLastAdmin", err)
			}
			members(t, s, "usr_a", "usr_b")
		},
		"passes over those who are not in": func(t *testing.T, s Stores) {
			must(t, s.Guard.Leave(t.Context(), "usr_x"))
			must(t, s.Guard.Leave(t.Context()))
			must(t, s.Guard.Join(t.Context(), "usr_a"))
			must(t, s.Guard.Leave(t.Context(), "usr_x", "usr_y"))
			members(t, s, "usr_a")
		},
		"keeps one of racing leavers": func(t *testing.T, s Stores) {
			const n = 20
			for i := range n {
				must(t, s.Guard.Join(t.Context(), domain.UserID(fmt.Sprint("usr_", i))))
			}
			last := func(err error) bool { return errors.Is(err, domain.ErrLastAdmin) }
			left := race(t, n, last,
				func(i int) error { return s.Guard.Leave(t.Context(), domain.UserID(fmt.Sprint("usr_", i))) })
			ids, err := s.Guard.Members(t.Context())
			must(t, err)
			if left != n-1 || len(ids) != 1 {
				t.Errorf("%d left and %d are in, want all but one", left, len(ids))
			}
		},
	})
}

func members(t *testing.T, s Stores, want ...domain.UserID) {
	t.Helper()
	got, err := s.Guard.Members(t.Context())
	must(t, err)
	slices.Sort(got)
	same(t, got, want)
}
