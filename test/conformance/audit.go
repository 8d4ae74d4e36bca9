package conformance

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// AuditLog tests a ports.AuditLog.
func AuditLog(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives back every field as it was given":       auditKeepsFields,
		"lists the newest first":                       auditOrder,
		"filters by every field and every combination": auditFilters,
		"pages by number and by cursor alike":          auditPages,
		"writes all of one append or nothing":          auditAtomic,
		"counts exactly while there are few":           auditTotals,
		"refuses a cursor that is none of its own":     auditCursor,
		"keeps every entry of racing appends":          auditRace,
	})
}

func auditKeepsFields(t *testing.T, s Stores) {
	e := newEntry(domain.ActionUserUpdate, "usr_target")
	e.Time = epoch.Add(123456 * time.Microsecond)
	e.Success = false
	e.UserAgent = "agent \"<é>\"\n"
	e.Details = map[string]any{"text": "x <é>", "flag": true, "list": []any{"a", "b"}, "map": map[string]any{"k": "v"}}
	e.Personal = map[string]any{"login": "jane"}
	must(t, s.Audit.Append(t.Context(), e))
	page, err := s.Audit.List(t.Context(), domain.AuditQuery{Page: domain.Page{Number: 1, Limit: 10}})
	must(t, err)
	same(t, page.Entries, []domain.AuditEntry{e})
	if page.Total != 1 || page.TotalEstimated || page.Next != nil {
		t.Errorf("the page says total %d, estimated %v, next %v", page.Total, page.TotalEstimated, page.Next)
	}
}

func auditOrder(t *testing.T, s Stores) {
	var want []domain.LogID
	for i := range 10 {
		e := newEntry(domain.ActionLogin, "usr_1")
		e.Time = epoch.Add(time.Duration(i) * time.Second)
		must(t, s.Audit.Append(t.Context(), e))
		want = append(want, e.ID)
	}
	slices.Reverse(want)
	same(t, auditIDs(t, s, domain.AuditQuery{}), want)
}

// auditIDs reads the whole list by cursor.
func auditIDs(t *testing.T, s Stores, q domain.AuditQuery) []domain.LogID {
	t.Helper()
	var ids []domain.LogID
	q.Page = domain.Page{Number: 1, Limit: 7}
	for range 1000 {
		page, err := s.Audit.List(t.Context(), q)
		must(t, err)
		for i := range page.Entries {
			ids = append(ids, page.Entries[i].ID)
		}
		if page.Next == nil {
			return ids
		}
		q.Page.After = page.Next
	}
	t.Fatal("the list has no end")
	return nil
}

// mixedEntries returns entries with different values of everything that can be filtered by, oldest first.
func mixedEntries(n int) []domain.AuditEntry {
	random := rand.New(rand.NewPCG(1, 2)) // the same in every run
	actions := []domain.Action{domain.ActionLogin, domain.ActionLoginFailed, domain.ActionUserUpdate}
	entries := make([]domain.AuditEntry, n)
	for i := range entries {
		e := newEntry(actions[random.IntN(3)], "usr_t")
		e.Time = epoch.Add(time.Duration(i/3) * time.Second) // some at the same time
		e.UserID = fmt.Sprint("usr_", random.IntN(3))
		e.IPAddress = fmt.Sprint("192.0.2.", random.IntN(3))
		e.Success = random.IntN(2) == 0
		e.RequestID = fmt.Sprint("req-", i/4)
		entries[i] = e
	}
	return entries
}

func auditMatches(q *domain.AuditQuery, e *domain.AuditEntry) bool {
	return (q.UserID == "" || q.UserID == e.UserID) && (len(q.Actions) == 0 || slices.Contains(q.Actions, e.Action)) &&
		(q.From.IsZero() || !e.Time.Before(q.From)) && (q.Until.IsZero() || e.Time.Before(q.Until)) &&
		(q.IPAddress == "" || q.IPAddress == e.IPAddress) && (q.Success == nil || *q.Success == e.Success) &&
		(q.RequestID == "" || q.RequestID == e.RequestID)
}

// auditQueries returns every combination of filters.
func auditQueries() []domain.AuditQuery {
	yes, no := true, false
	queries := []domain.AuditQuery{{}}
	multiply := func(changes ...func(*domain.AuditQuery)) {
		for _, q := range slices.Clone(queries) {
			for _, change := range changes {
				changed := q
				change(&changed)
				queries = append(queries, changed)
			}
		}
	}
	multiply(func(q *domain.AuditQuery) { q.UserID = "usr_1" })
	multiply(func(q *domain.AuditQuery) { q.Actions = []domain.Action{domain.ActionLogin} },
		func(q *domain.AuditQuery) { q.Actions = []domain.Action{domain.ActionLogin, domain.ActionUserUpdate} })
	multiply(func(q *domain.AuditQuery) { q.IPAddress = "192.0.2.1" })
	multiply(func(q *domain.AuditQuery) { q.Success = &yes }, func(q *domain.AuditQuery) { q.Success = &no })
	multiply(func(q *domain.AuditQuery) { q.RequestID = "req-5" })
	multiply(func(q *domain.AuditQuery) { q.From = epoch.Add(10 * time.Second) },
		func(q *domain.AuditQuery) { q.From, q.Until = epoch.Add(5*time.Second), epoch.Add(30*time.Second) })
	return queries
}

func auditFilters(t *testing.T, s Stores) {
	entries := mixedEntries(150)
	must(t, s.Audit.Append(t.Context(), entries...))
	for _, q := range auditQueries() {
		want := map[domain.LogID]bool{}
		for i := range entries {
			if auditMatches(&q, &entries[i]) {
				want[entries[i].ID] = true
			}
		}
		got := auditIDs(t, s, q)
		for _, id := range got {
			if !want[id] {
				t.Errorf("query %+v gave %s, which does not match or came twice", q, id)
			}
			delete(want, id)
		}
		if len(want) > 0 {
			t.Errorf("query %+v gave %d entries and lacks %d", q, len(got), len(want))
		}
	}
	if got := auditIDs(t, s, domain.AuditQuery{Actions: []domain.Action{domain.ActionKeyRotate}}); len(got) != 0 {
		t.Errorf("an action that never was has %d entries", len(got))
	}
}

func auditPages(t *testing.T, s Stores) {
	must(t, s.Audit.Append(t.Context(), mixedEntries(50)...))
	for _, q := range []domain.AuditQuery{{}, {UserID: "usr_1"}} {
		want := auditIDs(t, s, q)
		var got []domain.LogID
		for number := 1; ; number++ {
			q.Page = domain.Page{Number: number, Limit: 7}
			page, err := s.Audit.List(t.Context(), q)
			must(t, err)
			if page.Total != int64(len(want)) {
				t.Errorf("page %d says total %d, want %d", number, page.Total, len(want))
			}
			for i := range page.Entries {
				got = append(got, page.Entries[i].ID)
			}
			if page.Next == nil {
				break
			}
		}
		same(t, got, want)
	}
}

func auditAtomic(t *testing.T, s Stores) {
	good, bad := newEntry(domain.ActionLogin, "usr_1"), newEntry(domain.ActionLogin, "usr_1")
	bad.Details = map[string]any{"no JSON": make(chan int)}
	if err := s.Audit.Append(t.Context(), good, bad); err == nil {
		t.Error("an entry that cannot be kept was taken")
	}
	if n := len(entriesAbout(t, s, "usr_1")); n != 0 {
		t.Errorf("%d entries were left", n)
	}
	u := newUser(1)
	if err := s.Users.Create(t.Context(), u, domain.Outbox{Entries: []domain.AuditEntry{bad}}); err == nil {
		t.Error("a change whose entry cannot be kept was made")
	}
	if _, err := s.Users.Get(t.Context(), u.ID); !errors.Is(err, domain.ErrUserNotFound) {
		t.Errorf("the user of a change without its entry is there: %v", err)
	}
}

func auditTotals(t *testing.T, s Stores) {
	entries := mixedEntries(60)
	must(t, s.Audit.Append(t.Context(), entries...))
	for _, q := range auditQueries() {
		var want int64
		for i := range entries {
			if auditMatches(&q, &entries[i]) {
				want++
			}
		}
		q.Page = domain.Page{Number: 1, Limit: 5}
		page, err := s.Audit.List(t.Context(), q)
		must(t, err)
		if page.Total != want || page.TotalEstimated {
			t.Errorf("query %+v has total %d (estimated: %v), want %d", q, page.Total, page.TotalEstimated, want)
		}
	}
}

func auditCursor(t *testing.T, s Stores) {
	must(t, s.Audit.Append(t.Context(), mixedEntries(5)...))
	for _, c := range []domain.Cursor{
		{Sort: "username", Key: "1", ID: "1"},
		{Sort: domain.SortLogs, Key: "x'; --", ID: "y"},
	} {
		_, err := s.Audit.List(t.Context(), domain.AuditQuery{Page: domain.Page{Limit: 5, After: &c}})
		if !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("cursor %v: got %v, want ErrInvalid", c, err)
		}
	}
}

func auditRace(t *testing.T, s Stores) {
	race(t, 100, never, func(i int) error {
		return s.Audit.Append(t.Context(), newEntry(domain.ActionLogin, fmt.Sprint("t", i)))
	})
	seen := map[domain.LogID]int{}
	for _, id := range auditIDs(t, s, domain.AuditQuery{}) {
		seen[id]++
	}
	if len(seen) != 100 {
		t.Errorf("%d different entries are there, want 100", len(seen))
	}
}
