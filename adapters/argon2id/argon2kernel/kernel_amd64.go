//go:build !purego

package argon2kernel

import "golang.org/x/sys/cpu"

// kernels returns the kernels that this processor can run, the fastest first.
func kernels() []*kernel {
	var available []*kernel
	if cpu.X86.HasAVX512F {
		available = append(available, &kernel{
			name: "avx512", compress: compressAVX512, compressXor: compressXorAVX512, order: rowPairs(),
		})
	}
	if cpu.X86.HasAVX2 {
		available = append(available, &kernel{name: "avx2", compress: compressAVX2, compressXor: compressXorAVX2})
	}
	return available
}

// rowPairs is the order of the AVX-512 kernel: sixteen registers, each with a quarter of two neighboring rows.
func rowPairs() *[blockWords]uint8 {
	var order [blockWords]uint8
	for word := range order {
		row, quarter, position := word/16, word%16/4, word%4
		order[word] = uint8(8*(4*(row/2)+quarter) + 4*(row%2) + position)
	}
	return &order
}
