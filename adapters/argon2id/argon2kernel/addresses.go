package argon2kernel

// addresses generates the pseudo-random numbers of data-independent addressing (RFC 9106, section 3.4.1.1): block after
// block of G(0, G(0, input)), where the input is the position in the computation and a counter.
type addresses struct {
	kernel  *kernel
	memory  *Memory
	counter uint64
}

func newAddresses(k *kernel, m *Memory) *addresses {
	m.input = block{}
	return &addresses{kernel: k, memory: m}
}

// set writes the position: the first words of the input.
func (a *addresses) set(values ...uint32) {
	for word, value := range values {
		a.memory.input[a.kernel.at(uint32(word))] = uint64(value)
	}
}

// next returns the number for block i of the segment. The indices come in ascending order.
func (a *addresses) next(i uint32, _ *block) uint64 {
	m := a.memory
	if number := uint64(i/blockWords) + 1; number != a.counter {
		a.counter = number
		m.input[a.kernel.at(6)] = number
		a.kernel.compress(&m.half, &m.zero, &m.input)
		a.kernel.compress(&m.address, &m.zero, &m.half)
	}
	return m.address[a.kernel.at(i%blockWords)]
}
