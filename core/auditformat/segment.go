package auditformat

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// Checkpoint is the signed head of the log after one segment. A party that stores a checkpoint can verify later
// that nothing up to it was changed, removed, added or moved.
type Checkpoint struct {
	Number   int64  // of the segment, from 1 without gaps
	First    int64  // sequence number of its first entry
	Count    int64  // number of its entries
	Previous Digest // root of the previous segment; zero for the first
	Root     Digest
	SealedAt time.Time
	KeyID    string // of the key that signed
	// Signature is by Ed25519 (RFC 8032) over Text.
	Signature []byte
}

// Segment is a run of entries that were sealed together. Leaves contains the digest of each, so that a check can
// name the wrong one; it is nil in a segment that retention has truncated.
type Segment struct {
	Checkpoint
	Leaves []byte
}

// Last returns the sequence number of the last entry; for the zero checkpoint it is -1.
func (c *Checkpoint) Last() int64 { return c.First + c.Count - 1 }

// Text returns the signed text, one human-readable line.
func (c *Checkpoint) Text() []byte {
	return fmt.Appendf(nil, "ostiary audit checkpoint v1 segment %d entries %d-%d previous %s root %s sealed %s key %s",
		c.Number, c.First, c.Last(), c.Previous, c.Root, c.SealedAt.UTC().Format(time.RFC3339Nano), c.KeyID)
}

// NewSegment returns the unsigned segment that follows previous and contains the given leaves.
func NewSegment(previous Checkpoint, first int64, leaves []Digest, sealedAt time.Time) Segment {
	s := Segment{Checkpoint: Checkpoint{
		Number: previous.Number + 1, First: first, Count: int64(len(leaves)), Previous: previous.Root,
		SealedAt: sealedAt.UTC(),
	}}
	s.Leaves = JoinLeaves(leaves)
	s.Root = s.ComputeRoot()
	return s
}

// JoinLeaves returns the digests of entries in the form of Segment.Leaves.
func JoinLeaves(digests []Digest) []byte {
	leaves := make([]byte, 0, len(digests)*sha256.Size)
	for _, digest := range digests {
		leaves = append(leaves, digest[:]...)
	}
	return leaves
}

// ComputeRoot returns the root that results from the segment's number, position, previous root and leaves.
func (s *Segment) ComputeRoot() Digest {
	h := sha256.New()
	h.Write([]byte{1})
	for _, n := range []int64{s.Number, s.First, s.Count} {
		var word [8]byte
		binary.BigEndian.PutUint64(word[:], uint64(n)) //nolint:gosec // positions and counts are not negative
		h.Write(word[:])
	}
	h.Write(s.Previous[:])
	h.Write(s.Leaves)
	return Digest(h.Sum(nil))
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
func (d Digest) String() string { return base64.RawURLEncoding.EncodeToString(d[:]) }

// ParseDigest returns the digest in text.
func ParseDigest(text string) (Digest, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) != sha256.Size {
		return Digest{}, errors.New("not a digest")
	}
	return Digest(raw), nil
}
