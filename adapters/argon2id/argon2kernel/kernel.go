package argon2kernel

import (
	"bytes"
	"sync"

	"golang.org/x/crypto/blake2b"
)

const (
	blockWords = 128
	blockBytes = 8 * blockWords
)

// block is one KiB of Argon2's memory.
type block = [blockWords]uint64

// kernel is one implementation of the compression function.
type kernel struct {
	name string
	// compress stores G(prev, ref) in out; compressXor stores G(prev, ref) XOR out.
	compress, compressXor func(out, prev, ref *block)
	// order says where a stored block holds each word; nil if the words are in their natural order. Word 0 is always
	// first.
	order *[blockWords]uint8
}

// selected returns the first kernel for this processor that computes a known hash like golang.org/x/crypto, or nil if
// there is none. A processor or virtual machine with a faulty instruction set must not lock out all users.
var selected = sync.OnceValue(func() *kernel { return firstSound(kernels()) })

func firstSound(available []*kernel) *kernel {
	p := Params{Variant: Argon2id, Passes: 2, MemoryKiB: 32, Lanes: 1}
	in := input{password: []byte("self-test"), salt: []byte("of the kernel")}
	var m Memory
	want := m.key(nil, p, in, blake2b.Size)
	for _, k := range available {
		if bytes.Equal(m.key(k, p, in, blake2b.Size), want) {
			return k
		}
	}
	return nil
}

// Name returns the instruction set in use: avx512, avx2, neon, or generic for golang.org/x/crypto.
func Name() string {
	if k := selected(); k != nil {
		return k.name
	}
	return "generic"
}

// at returns where a stored block holds a word.
func (k *kernel) at(word uint32) uint32 {
	if k.order == nil {
		return word
	}
	return uint32(k.order[word%blockWords])
}
