package conformance

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// AuditSeal tests a ports.AuditSealStore, a ports.AuditProofs and a ports.AuditEraser.
func AuditSeal(t *testing.T, open Open) {
	cases(t, open, map[string]func(*testing.T, Stores){
		"gives what is not sealed in the order of writing":   sealUnsealed,
		"keeps segments as they were put":                    sealKeeps,
		"takes the number of a segment once, under a race":   sealRace,
		"keeps one key, under a race":                        sealKey,
		"lets its only node lead, also after it resigned":    sealLead,
		"reads records by place and filter":                  sealRecords,
		"files records as their text has them":               sealFiled,
		"reads what is not sealed at the places to come":     sealRecordsToCome,
		"reads a log of which nothing is sealed":             sealNothing,
		"cuts the oldest part with its outbox":               sealCut,
		"erases a person and leaves what is sealed":          sealErase,
		"gives no place twice, also after everything is cut": sealPlaces,
		"continues an interrupted erasure":                   eraseMany,
		"continues an interrupted removal of what is cut":    cutMany,
	})
}

// seal seals the next n records.
func seal(t *testing.T, s Stores, n int) auditformat.Segment {
	t.Helper()
	last, err := s.Seals.LastSegment(t.Context())
	must(t, err)
	records, err := s.Seals.Unsealed(t.Context(), n)
	must(t, err)
	if len(records) != n {
		t.Fatalf("%d records are unsealed, want %d", len(records), n)
	}
	first := last.Last() + 1
	if last.Number == 0 {
		first = 1
	}
	var leaves []auditformat.Digest
	var ids []domain.LogID
	for i := range records {
		leaves, ids = append(leaves, records[i].Leaf()), append(ids, records[i].ID)
	}
	segment, err := auditformat.NewSegment(&last, first, leaves, epoch.Add(time.Duration(last.Number)*time.Hour))
	must(t, err)
	segment.KeyID, segment.Signature = "key", []byte("signature")
	must(t, s.Seals.PutSegment(t.Context(), segment, ids))
	return segment
}

func sealUnsealed(t *testing.T, s Stores) {
	entries := mixedEntries(10)
	for _, e := range entries {
		must(t, s.Audit.Append(t.Context(), e))
	}
	seal(t, s, 4)
	records, err := s.Seals.Unsealed(t.Context(), 5)
	must(t, err)
	for i := range records {
		if records[i].ID != entries[4+i].ID {
			t.Errorf("record %d is %s, want %s", i, records[i].ID, entries[4+i].ID)
		}
		must(t, records[i].CheckOpening())
	}
	if len(records) != 5 {
		t.Errorf("got %d, want the limit of 5", len(records))
	}
}

func segments(t *testing.T, s Stores, seq int64) []auditformat.Segment {
	t.Helper()
	var all []auditformat.Segment
	must(t, s.Proofs.Segments(t.Context(), seq, func(g auditformat.Segment) error {
		all = append(all, g)
		return nil
	}))
	return all
}

func sealKeeps(t *testing.T, s Stores) {
	none, err := s.Seals.LastSegment(t.Context())
	must(t, err)
	same(t, none, auditformat.Segment{})
	if got := segments(t, s, 1); len(got) != 0 {
		t.Errorf("an empty log has %d segments", len(got))
	}
	must(t, s.Audit.Append(t.Context(), mixedEntries(9)...))
	a, b, c := seal(t, s, 3), seal(t, s, 4), seal(t, s, 2)
	same(t, segments(t, s, 1), []auditformat.Segment{a, b, c})
	same(t, segments(t, s, 4), []auditformat.Segment{b, c})
	same(t, segments(t, s, 7), []auditformat.Segment{b, c})
	same(t, segments(t, s, 8), []auditformat.Segment{c})
	same(t, segments(t, s, 10), []auditformat.Segment(nil))
	last, err := s.Seals.LastSegment(t.Context())
	must(t, err)
	c.Leaves, b.Leaves = nil, nil
	same(t, last, c)
	before, err := s.Proofs.SegmentBefore(t.Context(), c.SealedAt)
	must(t, err)
	same(t, before, b)
}

func sealFiled(t *testing.T, s Stores) {
	entries := mixedEntries(12)
	must(t, s.Audit.Append(t.Context(), entries...))
	seal(t, s, len(entries))
	mismatch, err := s.Proofs.IndexMismatch(t.Context(), 1, int64(len(entries)))
	must(t, err)
	if mismatch != nil {
		t.Errorf("the index of the entry at %d differs in %s", mismatch.Seq, mismatch.Field)
	}
}

func sealRace(t *testing.T, s Stores) {
	must(t, s.Audit.Append(t.Context(), mixedEntries(3)...))
	records, err := s.Seals.Unsealed(t.Context(), 10)
	must(t, err)
	ids := []domain.LogID{records[0].ID, records[1].ID, records[2].ID}
	taken := func(err error) bool { return errors.Is(err, fault.ErrConflict) }
	wins := race(t, 20, taken, func(i int) error {
		leaves := []auditformat.Digest{records[0].Leaf(), records[1].Leaf(), records[2].Leaf()}
		g, err := auditformat.NewSegment(&auditformat.Segment{}, 1, leaves, epoch.Add(time.Duration(i)))
		if err != nil {
			return err
		}
		g.KeyID, g.Signature = "key", []byte("signature")
		return s.Seals.PutSegment(t.Context(), g, ids)
	})
	if wins != 1 || len(segments(t, s, 1)) != 1 {
		t.Errorf("%d sealed, and there are %d segments", wins, len(segments(t, s, 1)))
	}
}

func sealKey(t *testing.T, s Stores) {
	key, err := s.Seals.SealKey(t.Context())
	must(t, err)
	if key != nil {
		t.Error("an empty store has a key")
	}
	taken := func(err error) bool { return errors.Is(err, fault.ErrConflict) }
	if wins := race(t, 10, taken, func(int) error { return s.Seals.PutSealKey(t.Context(), []byte("key")) }); wins != 1 {
		t.Errorf("%d put their key", wins)
	}
	key, err = s.Seals.SealKey(t.Context())
	must(t, err)
	same(t, string(key), "key")

	if err := s.Seals.ReplaceSealKey(t.Context(), []byte("another"), []byte("new")); !errors.Is(err, fault.ErrConflict) {
		t.Errorf("a key was replaced that is not there: %v", err)
	}
	must(t, s.Seals.ReplaceSealKey(t.Context(), []byte("key"), []byte("new")))
	key, err = s.Seals.SealKey(t.Context())
	must(t, err)
	same(t, string(key), "new")
}

func sealLead(t *testing.T, s Stores) {
	for range 2 {
		for range 3 {
			leads, err := s.SealLease.Lead(t.Context(), time.Second)
			must(t, err)
			if !leads {
				t.Error("the only node does not lead")
			}
		}
		must(t, s.SealLease.Resign(t.Context()))
		must(t, s.SealLease.Resign(t.Context()))
	}
}

func records(t *testing.T, s Stores, first, last int64, q domain.AuditQuery) []auditformat.Record {
	t.Helper()
	var all []auditformat.Record
	must(t, s.Proofs.Records(t.Context(), first, last, q, func(r *auditformat.Record) error {
		must(t, r.CheckOpening())
		c := *r
		c.Public = append([]byte(nil), r.Public...)
		all = append(all, c)
		return nil
	}))
	return all
}

func sealRecords(t *testing.T, s Stores) {
	entries := mixedEntries(60)
	must(t, s.Audit.Append(t.Context(), entries...))
	g := seal(t, s, 60)
	for _, q := range auditQueries() {
		want := 0
		for i := range entries {
			if i >= 10 && i < 50 && auditMatches(&q, &entries[i]) {
				want++
			}
		}
		got := records(t, s, 11, 50, q)
		if len(got) != want {
			t.Errorf("%+v gave %d records, want %d", q, len(got), want)
		}
		for i := range got {
			if leaf, ok := g.Leaf(got[i].Seq); !ok || leaf != got[i].Leaf() {
				t.Errorf("record %d is not the one that was sealed there", got[i].Seq)
			}
		}
	}
	err := s.Proofs.Records(t.Context(), 1, 60, domain.AuditQuery{}, func(*auditformat.Record) error { return errRefused })
	if !errors.Is(err, errRefused) {
		t.Errorf("got %v, want the error of yield", err)
	}
}

func sealNothing(t *testing.T, s Stores) {
	entries := mixedEntries(3)
	must(t, s.Audit.Append(t.Context(), entries...))
	var got []int64
	for _, r := range records(t, s, 1, 10, domain.AuditQuery{}) {
		got = append(got, r.Seq)
	}
	same(t, got, []int64{1, 2, 3})
}

func sealRecordsToCome(t *testing.T, s Stores) {
	entries := mixedEntries(30)
	must(t, s.Audit.Append(t.Context(), entries[:20]...))
	seal(t, s, 20)
	for i := range entries[20:] {
		must(t, s.Audit.Append(t.Context(), entries[20+i]))
	}
	for _, q := range auditQueries() {
		var want, got []domain.LogID
		for i := range entries[15:28] {
			if auditMatches(&q, &entries[15+i]) {
				want = append(want, entries[15+i].ID)
			}
		}
		for _, r := range records(t, s, 16, 28, q) {
			got = append(got, entries[r.Seq-1].ID)
		}
		same(t, got, want)
	}
}

func sealCut(t *testing.T, s Stores) {
	must(t, s.Audit.Append(t.Context(), mixedEntries(9)...))
	_, b, c := seal(t, s, 3), seal(t, s, 4), seal(t, s, 2)
	must(t, s.Proofs.CutSegments(t.Context(), b.Number,
		domain.Outbox{Entries: []domain.AuditEntry{newEntry(domain.ActionImport, "cut")}}))
	must(t, s.Proofs.RemoveCut(t.Context(), nil))
	b.Leaves = nil
	same(t, segments(t, s, 1), []auditformat.Segment{b, c})
	got := records(t, s, 1, 100, domain.AuditQuery{})
	var places []int64
	for i := range got {
		places = append(places, got[i].Seq)
	}
	if len(places) < 2 || places[0] != 8 || places[1] != 9 {
		t.Errorf("the places %v are left, want those from 8", places)
	}
	page, err := s.Audit.List(t.Context(), domain.AuditQuery{Page: domain.Page{Number: 1, Limit: 20}})
	must(t, err)
	if page.Total != 3 || len(page.Entries) != 3 {
		t.Errorf("the list has %d of %d entries, want the two that are left and the one of the cut", len(page.Entries),
			page.Total)
	}
}

func sealErase(t *testing.T, s Stores) {
	by, about, other := newEntry(domain.ActionLogin, "usr_x"), newEntry(domain.ActionUserUpdate,
		"usr_gone"), newEntry(domain.ActionLogin, "usr_x")
	by.UserID = "usr_gone"
	for _, e := range []*domain.AuditEntry{&by, &about, &other} {
		e.Personal = map[string]any{"name": "Jane"}
		must(t, s.Audit.Append(t.Context(), *e))
	}
	g := seal(t, s, 3)
	must(t, s.Eraser.ErasePerson(t.Context(), "usr_gone", nil))
	must(t, s.Eraser.ErasePerson(t.Context(), "usr_gone", nil))
	by.IPAddress, by.UserAgent, by.Personal, about.Personal = "", "", nil, nil
	page, err := s.Audit.List(t.Context(), domain.AuditQuery{Page: domain.Page{Number: 1, Limit: 20}})
	must(t, err)
	byID := map[domain.LogID]domain.AuditEntry{}
	for _, e := range page.Entries {
		byID[e.ID] = e
	}
	for _, want := range []domain.AuditEntry{by, about, other} {
		same(t, byID[want.ID], want)
	}
	for _, r := range records(t, s, 1, 3, domain.AuditQuery{}) { // which checks the openings
		if leaf, ok := g.Leaf(r.Seq); !ok || leaf != r.Leaf() {
			t.Errorf("record %d is not the one that was sealed", r.Seq)
		}
	}
	page, err = s.Audit.List(t.Context(), domain.AuditQuery{
		IPAddress: "192.0.2.1",
		Page:      domain.Page{Number: 1, Limit: 20},
	})
	must(t, err)
	if page.Total != 2 {
		t.Errorf("%d entries are found by the address, want 2", page.Total)
	}
}

func sealPlaces(t *testing.T, s Stores) {
	must(t, s.Audit.Append(t.Context(), mixedEntries(5)...))
	g := seal(t, s, 5)
	must(t, s.Proofs.CutSegments(t.Context(), g.Number, domain.Outbox{}))
	must(t, s.Proofs.RemoveCut(t.Context(), nil))
	must(t, s.Audit.Append(t.Context(), mixedEntries(2)...))
	next := seal(t, s, 2)
	if next.First != 6 {
		t.Errorf("the next segment begins at %d, want 6", next.First)
	}
	got := records(t, s, 1, 100, domain.AuditQuery{})
	if len(got) != 2 || got[0].Seq != 6 || got[1].Seq != 7 {
		t.Errorf("%d records are left", len(got))
	}
}

// many is more than several batches of a store.
const many = 3500

// interruptible collects the progress of an operation and interrupts it after its first batch.
type interruptible struct {
	t           *testing.T
	ctx         context.Context //nolint:containedctx // of one call
	interrupt   context.CancelFunc
	done, total int64
	reports     int
}

func newInterruptible(t *testing.T, interrupted bool) *interruptible {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	if !interrupted {
		cancel = func() {}
	}
	return &interruptible{t: t, ctx: ctx, interrupt: cancel}
}

func (x *interruptible) report(done, total int64) {
	if done <= x.done || done > total {
		x.t.Errorf("progress of %d of %d after %d", done, total, x.done)
	}
	x.done, x.total = done, total
	x.reports++
	x.interrupt()
}

// continues runs the operation, which is interrupted after its first batch, and runs it again.
func continues(t *testing.T, run func(x *interruptible) error) {
	t.Helper()
	first := newInterruptible(t, true)
	if err := run(first); err == nil || first.reports != 1 || first.total != many {
		t.Errorf("an interrupted call = %v after %d batches of %d entries; want an error after one of %d", err,
			first.reports, first.total, many)
	}
	second := newInterruptible(t, false)
	must(t, run(second))
	if second.total != many-first.done || second.done != second.total {
		t.Errorf("the second call did %d of %d, want the %d that the first left", second.done, second.total,
			many-first.done)
	}
	third := newInterruptible(t, false)
	must(t, run(third))
	if third.reports != 0 {
		t.Errorf("a call with nothing to do reported %d batches", third.reports)
	}
}

func eraseMany(t *testing.T, s Stores) {
	entries := make([]domain.AuditEntry, many)
	for i := range entries {
		entries[i] = newEntry(domain.ActionLogin, "usr_x")
		entries[i].UserID = "usr_gone"
	}
	must(t, s.Audit.Append(t.Context(), entries...))
	continues(t, func(x *interruptible) error { return s.Eraser.ErasePerson(x.ctx, "usr_gone", x.report) })
	page, err := s.Audit.List(t.Context(), domain.AuditQuery{IPAddress: "192.0.2.1", Page: domain.Page{Limit: 1}})
	must(t, err)
	if page.Total != 0 {
		t.Errorf("%d entries still have an address", page.Total)
	}
}

func cutMany(t *testing.T, s Stores) {
	must(t, s.Audit.Append(t.Context(), mixedEntries(many)...))
	must(t, s.Audit.Append(t.Context(), mixedEntries(2)...))
	g := seal(t, s, many)
	seal(t, s, 2)
	must(t, s.Proofs.CutSegments(t.Context(), g.Number, domain.Outbox{}))
	continues(t, func(x *interruptible) error { return s.Proofs.RemoveCut(x.ctx, x.report) })
	if got := records(t, s, 1, many+2, domain.AuditQuery{}); len(got) != 2 || got[0].Seq != many+1 {
		t.Errorf("%d records are left, want 2", len(got))
	}
	before, err := s.Proofs.SegmentBefore(t.Context(), g.SealedAt.Add(time.Second))
	must(t, err)
	if before.Number != 0 {
		t.Errorf("segment %d is cut and was found again", before.Number)
	}
}
