package argon2kernel

import (
	"bytes"
	"encoding/hex"
	"testing"

	"golang.org/x/crypto/argon2"
)

// paths returns every way to compute a hash on this machine.
func paths() map[string]*kernel {
	all := map[string]*kernel{"generic": nil}
	for _, k := range kernels() {
		all[k.name] = k
	}
	return all
}

// compare fails the test if a kernel's bytes are not those of golang.org/x/crypto/argon2.
func compare(t *testing.T, m *Memory, k *kernel, p Params, password, salt []byte, size uint32) {
	t.Helper()
	derive := argon2.Key
	if p.Variant == Argon2id {
		derive = argon2.IDKey
	}
	want := derive(password, salt, p.Passes, p.MemoryKiB, p.Lanes, size)
	if got := m.key(k, p, input{password: password, salt: salt}, size); !bytes.Equal(got, want) {
		t.Fatalf("%+v, %d bytes: got %x, want %x", p, size, got, want)
	}
}

func TestKeyIsThatOfTheReference(t *testing.T) {
	t.Parallel()
	for name, k := range paths() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var m Memory // one for all: what one hash leaves behind must not show in the next
			for _, variant := range []Variant{Argon2i, Argon2id} {
				for _, passes := range []uint32{1, 2, 3} {
					for _, memory := range []uint32{0, 7, 33, 4099, 600} {
						for _, lanes := range []uint8{1, 2, 3, 4} {
							p := Params{Variant: variant, Passes: passes, MemoryKiB: memory, Lanes: lanes}
							for _, size := range []uint32{1, 64, 65, 200} {
								compare(t, &m, k, p, []byte("password"), []byte("somesalt"), size)
							}
						}
					}
				}
			}
		})
	}
}

func TestKeyAgreesWithTheVectorsOfRFC9106(t *testing.T) {
	t.Parallel()
	in := input{
		password: bytes.Repeat([]byte{1}, 32), salt: bytes.Repeat([]byte{2}, 16),
		secret: bytes.Repeat([]byte{3}, 8), data: bytes.Repeat([]byte{4}, 12),
	}
	vectors := map[Variant]string{ // sections 5.2 and 5.3
		Argon2i:  "c814d9d1dc7f37aa13f0d77f2494bda1c8de6b016dd388d29952a4c4672b6ce8",
		Argon2id: "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659",
	}
	for _, k := range kernels() {
		for variant, want := range vectors {
			var m Memory
			got := m.key(k, Params{Variant: variant, Passes: 3, MemoryKiB: 32, Lanes: 4}, in, 32)
			if hex.EncodeToString(got) != want {
				t.Errorf("%s, variant %d: got %x, want %s", k.name, variant, got, want)
			}
		}
	}
}

func TestAKernelThatComputesSomethingElseIsNotSelected(t *testing.T) {
	t.Parallel()
	faulty := &kernel{name: "faulty", compress: xorBlocks, compressXor: xorBlocks}
	if k := firstSound([]*kernel{faulty}); k != nil {
		t.Errorf("selected %s", k.name)
	}
	if available := kernels(); len(available) > 0 {
		if k := firstSound(append([]*kernel{faulty}, available...)); k == nil || k.name != available[0].name {
			t.Error("the sound kernel behind a faulty one is not selected")
		}
	}
}

func xorBlocks(out, prev, ref *block) {
	for i := range out {
		out[i] = prev[i] ^ ref[i]
	}
}

func FuzzKey(f *testing.F) {
	f.Add([]byte("password"), []byte("somesalt"), uint8(2), uint8(2), uint16(64), uint8(1), uint8(32))
	f.Add([]byte(""), []byte(""), uint8(1), uint8(1), uint16(0), uint8(255), uint8(255))
	f.Add([]byte("password"), []byte("somesalt"), uint8(0), uint8(3), uint16(129), uint8(3), uint8(63))
	ones := bytes.Repeat([]byte{0xff}, 200)
	f.Add(ones, ones, uint8(1), uint8(0), uint16(1031), uint8(1), uint8(64))
	f.Add(bytes.Repeat([]byte{0}, 127), bytes.Repeat([]byte{0}, 129), uint8(0), uint8(1), uint16(520), uint8(5), uint8(0))
	f.Fuzz(func(t *testing.T, password, salt []byte, variant, passes uint8, memory uint16, lanes, size uint8) {
		p := Params{
			Variant: Argon2i + Variant(variant%2), Passes: 1 + uint32(passes%4), MemoryKiB: uint32(memory), Lanes: max(1, lanes),
		}
		var m Memory
		for _, k := range paths() {
			compare(t, &m, k, p, password, salt, 1+uint32(size))
		}
	})
}

func TestReleaseOverwritesTheMemory(t *testing.T) {
	t.Parallel()
	if len(kernels()) == 0 {
		return // the library owns its memory
	}
	var m Memory
	for _, memory := range []uint32{64, 16} { // the second hash uses a quarter of what the first did
		m.Key(Params{Variant: Argon2id, Passes: 1, MemoryKiB: memory, Lanes: 1}, []byte("password"), []byte("somesalt"), 32)
	}
	blocks := m.blocks[:cap(m.blocks)]
	if len(blocks) != 64 || blocks[63] == (block{}) {
		t.Fatalf("%d blocks are held, want 64 with the content of a hash", len(blocks))
	}
	m.Release()
	for i := range blocks {
		if blocks[i] != (block{}) {
			t.Fatalf("block %d still holds what a password left", i)
		}
	}
	if m.blocks != nil || m.address != (block{}) {
		t.Error("memory is still held")
	}
}

func BenchmarkKey(b *testing.B) {
	p := Params{Variant: Argon2id, Passes: 2, MemoryKiB: 19 << 10, Lanes: 1}
	for name, k := range paths() {
		b.Run(name, func(b *testing.B) {
			var m Memory
			b.ReportAllocs()
			for b.Loop() {
				m.key(k, p, input{password: []byte("password"), salt: []byte("somesaltsomesalt")}, 32)
			}
		})
	}
}

func BenchmarkCompress(b *testing.B) {
	for _, k := range kernels() {
		var out, prev, ref block
		b.Run(k.name, func(b *testing.B) {
			for b.Loop() {
				k.compress(&out, &prev, &ref)
			}
		})
	}
}
