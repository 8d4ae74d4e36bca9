package argon2kernel

import (
	"encoding/binary"
	"hash"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/blake2b"
)

// Variant is a member of the Argon2 family.
type Variant uint32

// The variants, with the numbers of RFC 9106.
const (
	Argon2i  Variant = 1
	Argon2id Variant = 2
)

const slices = 4 // of a lane in one pass

// Version is the version of Argon2, 1.3.
const Version = argon2.Version

// Params are the parameters of a hash. Passes and Lanes are at least 1; MemoryKiB is rounded down to a multiple of four
// times Lanes, and is at least eight times Lanes.
type Params struct {
	Variant   Variant
	Passes    uint32
	MemoryKiB uint32
	Lanes     uint8
}

// Memory holds the memory of one hash at a time, and keeps it for the next one. The zero value is ready to use. It is
// not safe for concurrent use.
type Memory struct {
	blocks []block
	// The address generator works in these; zero stays zero.
	zero, input, half, address block
}

// Size returns how many bytes are held.
func (m *Memory) Size() uint64 { return uint64(cap(m.blocks)) * blockBytes }

// Release overwrites the memory and lets the collector have it: all of it, though the last hash may have needed less
// than one before.
func (m *Memory) Release() {
	clear(m.blocks[:cap(m.blocks)])
	*m = Memory{}
}

// Key returns size bytes derived from the password and the salt. It panics if Passes, Lanes or size is zero. The lanes
// are computed one after the other: the result is the same, and one hash never takes more than one processor.
func (m *Memory) Key(p Params, password, salt []byte, size uint32) []byte {
	return m.key(selected(), p, input{password: password, salt: salt}, size)
}

// input is what a key is derived from. Only test vectors have a secret and associated data.
type input struct{ password, salt, secret, data []byte }

func (m *Memory) key(k *kernel, p Params, in input, size uint32) []byte {
	if p.Passes == 0 || p.Lanes == 0 || size == 0 {
		panic("argon2kernel: a pass, a lane and a byte of output are the least")
	}
	if k == nil {
		derive := argon2.Key
		if p.Variant == Argon2id {
			derive = argon2.IDKey
		}
		return derive(in.password, in.salt, p.Passes, p.MemoryKiB, p.Lanes, size)
	}
	f := newFill(k, m, p)
	f.start(firstDigest(p, in, size))
	f.run()
	return f.finish(size)
}

// firstDigest returns H0 of RFC 9106, section 3.2, with room for two numbers behind it.
func firstDigest(p Params, in input, size uint32) *[blake2b.Size + 8]byte {
	h := newHash(blake2b.Size)
	number := func(v uint32) { _, _ = h.Write(binary.LittleEndian.AppendUint32(nil, v)) }
	for _, v := range []uint32{uint32(p.Lanes), size, p.MemoryKiB, p.Passes, argon2.Version, uint32(p.Variant)} {
		number(v)
	}
	for _, text := range [][]byte{in.password, in.salt, in.secret, in.data} {
		number(uint32(len(text))) //nolint:gosec // RFC 9106: below 2^32
		_, _ = h.Write(text)
	}
	var digest [blake2b.Size + 8]byte
	h.Sum(digest[:0])
	return &digest
}

// longHash fills out with H' of RFC 9106, section 3.3.
func longHash(out, in []byte) {
	first := newHash(min(len(out), blake2b.Size))
	_, _ = first.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(out)))) //nolint:gosec // at most a block or a key
	_, _ = first.Write(in)
	sum := first.Sum(make([]byte, 0, blake2b.Size))
	for len(out) > blake2b.Size {
		out = out[copy(out, sum[:blake2b.Size/2]):]
		h := newHash(min(len(out), blake2b.Size))
		_, _ = h.Write(sum)
		sum = h.Sum(sum[:0])
	}
	copy(out, sum)
}

// newHash returns BLAKE2b with a result of 1 to 64 bytes.
func newHash(size int) hash.Hash {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic(err) // only for sizes out of bounds
	}
	return h
}
