package argon2kernel

import (
	"encoding/binary"

	"golang.org/x/crypto/blake2b"
)

// fill is the computation of one hash over its memory (RFC 9106, section 3.2).
type fill struct {
	kernel        *kernel
	memory        *Memory
	blocks        []block
	params        Params
	lanes         uint32
	laneLength    uint32 // blocks of a lane
	segmentLength uint32 // blocks of a lane in one slice
}

func newFill(k *kernel, m *Memory, p Params) *fill {
	f := &fill{kernel: k, memory: m, params: p, lanes: uint32(p.Lanes)}
	f.segmentLength = max(2, p.MemoryKiB/(slices*f.lanes))
	f.laneLength = slices * f.segmentLength
	if n := int(f.laneLength * f.lanes); cap(m.blocks) < n {
		m.Release()
		m.blocks = make([]block, n)
	} else {
		m.blocks = m.blocks[:n]
	}
	f.blocks = m.blocks
	return f
}

// start sets the first two blocks of each lane.
func (f *fill) start(digest *[blake2b.Size + 8]byte) {
	var raw [blockBytes]byte
	for lane := range f.lanes {
		binary.LittleEndian.PutUint32(digest[blake2b.Size+4:], lane)
		for column := range uint32(2) {
			binary.LittleEndian.PutUint32(digest[blake2b.Size:], column)
			longHash(raw[:], digest[:])
			b := &f.blocks[lane*f.laneLength+column]
			for word := range uint32(blockWords) {
				b[f.kernel.at(word)] = binary.LittleEndian.Uint64(raw[8*word:])
			}
		}
	}
	clear(raw[:])
}

// run fills the memory as often as there are passes.
func (f *fill) run() {
	for pass := range f.params.Passes {
		for slice := range uint32(slices) {
			for lane := range f.lanes {
				f.segment(pass, slice, lane)
			}
		}
	}
}

// segment computes the blocks of one lane in one slice. Only the first pass finds memory whose content does not count.
func (f *fill) segment(pass, slice, lane uint32) {
	compress := f.kernel.compressXor
	begin := uint32(0)
	if pass == 0 {
		compress = f.kernel.compress
		if slice == 0 {
			begin = 2
		}
	}
	next := f.references(pass, slice, lane)
	laneStart := lane * f.laneLength
	current := slice*f.segmentLength + begin
	previous := (current + f.laneLength - 1) % f.laneLength
	for i := begin; i < f.segmentLength; i++ {
		prev := &f.blocks[laneStart+previous]
		ref := f.reference(pass, slice, lane, i, next(i, prev))
		compress(&f.blocks[laneStart+current], prev, ref)
		previous = current
		current++
	}
}

// references returns what gives the pseudo-random number of a block: a word of the block before it, or, for Argon2i and
// for the first half of Argon2id's first pass, a word of a sequence that depends on nothing secret (RFC 9106, section
// 3.4.1).
func (f *fill) references(pass, slice, lane uint32) func(i uint32, prev *block) uint64 {
	if f.params.Variant != Argon2i && (pass > 0 || slice >= slices/2) {
		return func(_ uint32, prev *block) uint64 { return prev[0] }
	}
	g := newAddresses(f.kernel, f.memory)
	g.set(pass, lane, slice, f.laneLength*f.lanes, f.params.Passes, uint32(f.params.Variant))
	return g.next
}

// reference returns the block that a pseudo-random number names (RFC 9106, section 3.4.2).
func (f *fill) reference(pass, slice, lane, i uint32, random uint64) *block {
	from := lane
	if pass > 0 || slice > 0 {
		from = uint32(random>>32) % f.lanes
	}
	var area, first uint32
	if pass == 0 {
		area = slice * f.segmentLength
	} else {
		area = f.laneLength - f.segmentLength
		first = (slice + 1) % slices * f.segmentLength
	}
	switch {
	case from == lane:
		area += i - 1
	case i == 0:
		area--
	}
	x := random & 0xffffffff
	y := uint64(area) * (x * x >> 32) >> 32
	column := (uint64(first) + uint64(area) - 1 - y) % uint64(f.laneLength)
	return &f.blocks[from*f.laneLength+uint32(column)] //nolint:gosec // below the length of a lane
}

// finish returns the key: H' over the exclusive or of the last blocks of all lanes.
func (f *fill) finish(size uint32) []byte {
	last := f.blocks[f.laneLength-1]
	for lane := uint32(1); lane < f.lanes; lane++ {
		for i, word := range &f.blocks[(lane+1)*f.laneLength-1] {
			last[i] ^= word
		}
	}
	var raw [blockBytes]byte
	for word := range uint32(blockWords) {
		binary.LittleEndian.PutUint64(raw[8*word:], last[f.kernel.at(word)])
	}
	out := make([]byte, size)
	longHash(out, raw[:])
	return out
}
