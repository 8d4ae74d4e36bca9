package auditformat

import (
	"crypto/sha256"
	"errors"
	"math/bits"
	"slices"
)

// Tree is a Merkle tree of RFC 6962 in compact form: the roots of its complete subtrees, from the largest, which
// contains the first leaf, to the smallest.
type Tree struct {
	Size  int64
	Roots []Digest
}

// Append appends a leaf hash.
func (t *Tree) Append(hash Digest) {
	for n := t.Size; n&1 == 1; n >>= 1 {
		last := len(t.Roots) - 1
		hash = nodeHash(t.Roots[last], hash)
		t.Roots = t.Roots[:last]
	}
	t.Roots = append(t.Roots, hash)
	t.Size++
}

// Root returns the root hash.
func (t *Tree) Root() Digest {
	if len(t.Roots) == 0 {
		return sha256.Sum256(nil)
	}
	root := t.Roots[len(t.Roots)-1]
	for i := len(t.Roots) - 2; i >= 0; i-- {
		root = nodeHash(t.Roots[i], root)
	}
	return root
}

func leafHash(data []byte) Digest { return prefixedHash(0, data) }

// prefixedHash returns a digest that the prefix separates from every other one.
func prefixedHash(prefix byte, data []byte) Digest {
	return sha256.Sum256(append([]byte{prefix}, data...))
}

func nodeHash(left, right Digest) Digest {
	var b [1 + 2*sha256.Size]byte
	b[0] = 1
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

var errTree = errors.New("a segment of the audit log has no tree of its size")

// Trees returns the tree before the segment and the tree after it. Both are empty for a segment of the first form.
func (s *Segment) Trees() (before, after Tree, err error) {
	if s.Size == 0 {
		return before, after, nil
	}
	before.Size, after.Size = s.Size-s.Count-1, s.Size
	if before.Size < 0 || s.Count < 1 || len(s.Tree)%sha256.Size != 0 {
		return Tree{}, Tree{}, errTree
	}
	hashes := splitDigests(s.Tree)
	whole := subtrees(after.Size)
	shared := subtrees(before.Size) + whole - len(hashes)
	if whole > len(hashes) || shared < 0 || shared > whole {
		return Tree{}, Tree{}, errTree
	}
	before.Roots, after.Roots = slices.Concat(hashes[:shared], hashes[whole:]), slices.Clip(hashes[:whole])
	return before, after, nil
}

// subtrees returns the number of complete subtrees of a tree.
func subtrees(size int64) int { return bits.OnesCount64(uint64(size)) } //nolint:gosec // sizes are not negative

// grow returns the tree before the segment with the leaves of the segment appended.
func (s *Segment) grow(before Tree) Tree {
	after := Tree{Size: before.Size, Roots: slices.Clone(before.Roots)}
	after.Append(leafHash([]byte(s.header())))
	for leaf := range slices.Chunk(s.Leaves, sha256.Size) {
		after.Append(Digest(leaf))
	}
	return after
}

// packTrees returns the form of both trees in Segment.Tree. Most subtrees of the first are also in the second, and are
// written once.
func packTrees(before, after Tree) []byte {
	shared := 0
	for shared < min(len(before.Roots), len(after.Roots)) && before.Roots[shared] == after.Roots[shared] {
		shared++
	}
	return JoinLeaves(slices.Concat(after.Roots, before.Roots[shared:]))
}

func splitDigests(joined []byte) []Digest {
	digests := make([]Digest, 0, len(joined)/sha256.Size)
	for digest := range slices.Chunk(joined, sha256.Size) {
		digests = append(digests, Digest(digest))
	}
	return digests
}
