package auditformat_test

import (
	"crypto/ed25519"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/ostiary/ostiary/core/auditformat"
)

// hashes stores the hashes of a tree as package tlog numbers them.
type hashes []tlog.Hash

func (h hashes) ReadHashes(at []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(at))
	for i, n := range at {
		found[i] = h[n]
	}
	return found, nil
}

func (h *hashes) add(t *testing.T, n int64, leaf tlog.Hash) {
	t.Helper()
	stored, err := tlog.StoredHashesForRecordHash(n, leaf, *h)
	if err != nil {
		t.Fatal(err)
	}
	*h = append(*h, stored...)
}

func TestTreeHasTheRootsOfRFC6962(t *testing.T) {
	t.Parallel()
	var tree auditformat.Tree
	var stored hashes
	for n := range int64(300) {
		if want, err := tlog.TreeHash(n, stored); err != nil || tree.Root() != auditformat.Digest(want) {
			t.Fatalf("the root of %d leaves is %s, want %s (%v)", n, tree.Root(), want, err)
		}
		leaf := tlog.RecordHash(fmt.Append(nil, "record ", n))
		stored.add(t, n, leaf)
		tree.Append(auditformat.Digest(leaf))
	}
}

// chain returns segments with the given numbers of entries.
func chain(t *testing.T, counts ...int) []auditformat.Segment {
	t.Helper()
	segments := []auditformat.Segment{{}}
	first := int64(1)
	for _, count := range counts {
		leaves := make([]auditformat.Digest, count)
		for i := range leaves {
			leaves[i] = auditformat.Digest(tlog.RecordHash(fmt.Append(nil, "entry ", first+int64(i))))
		}
		s, err := auditformat.NewSegment(&segments[len(segments)-1], first, leaves, time.Unix(1_700_000_000, 5))
		if err != nil {
			t.Fatal(err)
		}
		first += int64(count)
		segments = append(segments, s)
	}
	return segments[1:]
}

func TestSegmentsContinueTheTreeOfThePreviousOne(t *testing.T) {
	t.Parallel()
	segments := chain(t, 1, 1, 7, 2, 100, 1, 3, 64, 29)
	for i := range segments {
		before, after, err := segments[i].Trees()
		if err != nil || after.Root() != segments[i].Root || !segments[i].IsRooted() {
			t.Fatalf("segment %d: the tree has the root %s, want %s (%v)", i+1, after.Root(), segments[i].Root, err)
		}
		if i > 0 && (before.Root() != segments[i-1].Root || before.Size != segments[i-1].Size) {
			t.Errorf("segment %d does not continue the tree of the segment before", i+1)
		}
	}
}

func TestSegmentWithAnotherLeafHeaderOrTreeIsNotRooted(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*auditformat.Segment){
		"leaf":              func(s *auditformat.Segment) { s.Leaves[40] ^= 1 },
		"tree after":        func(s *auditformat.Segment) { s.Tree[0] ^= 1 },
		"tree before":       func(s *auditformat.Segment) { s.Tree[len(s.Tree)-1] ^= 1 },
		"no tree":           func(s *auditformat.Segment) { s.Tree = nil },
		"half a hash":       func(s *auditformat.Segment) { s.Tree = s.Tree[:len(s.Tree)-1] },
		"too many hashes":   func(s *auditformat.Segment) { s.Tree = append(s.Tree, make([]byte, 640)...) },
		"position":          func(s *auditformat.Segment) { s.First++ },
		"time":              func(s *auditformat.Segment) { s.SealedAt = s.SealedAt.Add(1) },
		"previous root":     func(s *auditformat.Segment) { s.Previous[0] ^= 1 },
		"size":              func(s *auditformat.Segment) { s.Size++ },
		"a size of nothing": func(s *auditformat.Segment) { s.Size = 1 },
		"a count of none":   func(s *auditformat.Segment) { s.Count, s.Leaves = 0, nil },
	} {
		s := chain(t, 3, 5)[1]
		change(&s)
		if s.IsRooted() {
			t.Errorf("%s: it is rooted", name)
		}
	}
}

func TestCheckpointIsASignedNote(t *testing.T) {
	t.Parallel()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	c := chain(t, 3, 5)[1].Checkpoint
	c.Sign(key)
	verifier, err := note.NewVerifier(auditformat.VerifierKey(c.KeyID))
	if err != nil {
		t.Fatal(err)
	}
	opened, err := note.Open([]byte(c.Note()), note.VerifierList(verifier))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Text != string(c.Text()) {
		t.Errorf("the note has the text %q, want %q", opened.Text, c.Text())
	}
	got, err := auditformat.ParseNote(c.Note())
	if err != nil || got.Note() != c.Note() || got.Root != c.Root || got.Last() != 8 || got.Size != 10 {
		t.Errorf("the note is parsed as %+v (%v)", got, err)
	}
	for at := range c.Note() {
		changed := []byte(c.Note())
		changed[at] ^= 1
		if got, err := auditformat.ParseNote(string(changed)); err == nil &&
			auditformat.IsSigned(c.KeyID, got.Text(), got.Signature) {
			t.Errorf("byte %d changed from %q: the note is still signed", at, c.Note()[at])
		}
	}
	if id := auditformat.KeyID(auditformat.VerifierKey(c.KeyID)); id != c.KeyID || auditformat.KeyID(id) != id ||
		strings.Contains(id, "+") {
		t.Errorf("the id of the key is %q, want %q", id, c.KeyID)
	}
}
