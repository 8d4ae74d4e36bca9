//go:build !purego

package argon2kernel

// compressNEON stores G(prev, ref) in out.
//
//go:noescape
func compressNEON(out *[128]uint64, prev *[128]uint64, ref *[128]uint64)

// compressXorNEON stores G(prev, ref) XOR out in out.
//
//go:noescape
func compressXorNEON(out *[128]uint64, prev *[128]uint64, ref *[128]uint64)

// kernels returns the kernel of NEON, which every arm64 processor has.
func kernels() []*kernel {
	return []*kernel{{name: "neon", compress: compressNEON, compressXor: compressXorNEON}}
}
