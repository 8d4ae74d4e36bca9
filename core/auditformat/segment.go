package auditformat

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Checkpoint is the signed head of the log after one segment. A party that stores a checkpoint can verify later that
// nothing up to it was changed, removed, added or moved.
type Checkpoint struct {
	Number   int64  // of the segment, from 1 without gaps
	First    int64  // sequence number of its first entry
	Count    int64  // number of its entries
	Previous Digest // root of the previous segment; zero for the first
	Root     Digest
	// Size is the number of leaves of the Merkle tree that has the root. It is 0 in a segment of the first form, whose
	// root is one digest of its leaves and of the root before it.
	Size     int64
	SealedAt time.Time
	KeyID    string // of the key that signed
	// Signature is by Ed25519 (RFC 8032) over Text.
	Signature []byte
}

// Segment is a run of entries that were sealed together. Leaves contains the digest of each, so that a check can name
// the wrong one; it is nil in a segment that retention has truncated. Tree contains the tree after the segment and the
// parts of the tree before it that changed.
type Segment struct {
	Checkpoint

	Tree   []byte
	Leaves []byte
}

// Last returns the sequence number of the last entry; for the zero checkpoint it is -1.
func (c *Checkpoint) Last() int64 { return c.First + c.Count - 1 }

// NewSegment returns the unsigned segment that follows previous and contains the given leaves. Its tree continues that
// of the previous segment. After a segment of the first form a new tree begins.
func NewSegment(previous *Segment, first int64, leaves []Digest, sealedAt time.Time) (Segment, error) {
	_, before, err := previous.Trees()
	if err != nil {
		return Segment{}, err
	}
	if before.Size > 0 && before.Root() != previous.Root {
		return Segment{}, errTree
	}
	s := Segment{Checkpoint: Checkpoint{
		Number: previous.Number + 1, First: first, Count: int64(len(leaves)), Previous: previous.Root,
		Size: before.Size + 1 + int64(len(leaves)), SealedAt: sealedAt.UTC(),
	}}
	s.Leaves = JoinLeaves(leaves)
	after := s.grow(before)
	s.Root, s.Tree = after.Root(), packTrees(before, after)
	return s, nil
}

// JoinLeaves returns the digests of entries in the form of Segment.Leaves.
func JoinLeaves(digests []Digest) []byte {
	leaves := make([]byte, 0, len(digests)*sha256.Size)
	for _, digest := range digests {
		leaves = append(leaves, digest[:]...)
	}
	return leaves
}

// IsRooted reports whether the root is the one of the segment's leaves, and of the tree before them. Of a segment
// without leaves only the tree is compared.
func (s *Segment) IsRooted() bool {
	if s.Count < 1 || s.First < 1 || len(s.Leaves) > 0 && int64(len(s.Leaves)) != s.Count*sha256.Size {
		return false
	}
	if s.Size == 0 {
		return len(s.Leaves) == 0 || s.chainRoot() == s.Root
	}
	before, after, err := s.Trees()
	if err != nil || after.Root() != s.Root || before.Size > 0 && before.Root() != s.Previous {
		return false
	}
	return len(s.Leaves) == 0 || slices.Equal(s.grow(before).Roots, after.Roots)
}

// chainRoot returns the root of a segment of the first form.
func (s *Segment) chainRoot() Digest {
	head := []byte{1}
	for _, n := range []int64{s.Number, s.First, s.Count} {
		head = binary.BigEndian.AppendUint64(head, uint64(n)) //nolint:gosec // positions and counts are not negative
	}
	return sha256.Sum256(slices.Concat(head, s.Previous[:], s.Leaves))
}

// Leaf returns the digest of the entry with sequence number seq, and whether the segment contains it.
func (s *Segment) Leaf(seq int64) (Digest, bool) {
	at := (seq - s.First) * sha256.Size
	if at < 0 || at+sha256.Size > int64(len(s.Leaves)) {
		return Digest{}, false
	}
	return Digest(s.Leaves[at : at+sha256.Size]), true
}

// String returns the digest in base64url.
func (d Digest) String() string { return encode(d[:]) }

// ParseDigest returns the digest in text.
func ParseDigest(text string) (Digest, error) {
	raw, err := decode(text)
	if err != nil || len(raw) != sha256.Size {
		return Digest{}, errors.New("not a digest")
	}
	return Digest(raw), nil
}

// chainText returns the signed text of a checkpoint of the first form.
func (c *Checkpoint) chainText() []byte {
	return fmt.Appendf(nil, "ostiary audit checkpoint v1 segment %d entries %d-%d previous %s root %s sealed %s key %s",
		c.Number, c.First, c.Last(), c.Previous, c.Root, c.SealedAt.UTC().Format(time.RFC3339Nano), c.KeyID)
}
