// Command gen writes the assembly of package argon2kernel: the compression function G of Argon2 (RFC 9106, section 3.5)
// for AVX2 and for AVX-512.
//
// It is a module of its own, so that the product does not depend on the generator. Run it with go generate in the
// folder above.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
)

const blockSize = 1024

func main() {
	ConstraintExpr("!purego")
	avx2("compressAVX2", "compressAVX2 stores G(prev, ref) in out.", false)
	avx2("compressXorAVX2", "compressXorAVX2 stores G(prev, ref) XOR out in out.", true)
	avx512("compressAVX512", "compressAVX512 stores G(prev, ref) in out. All blocks have the layout of this kernel.",
		false)
	avx512("compressXorAVX512", "compressXorAVX512 stores G(prev, ref) XOR out in out.", true)
	Generate()
}

// arguments are the pointers of a compression function.
type arguments struct{ out, prev, ref Mem }

// begin starts a function and loads its arguments.
func begin(name, doc string) arguments {
	TEXT(name, 0, "func(out, prev, ref *[128]uint64)")
	Doc(doc)
	Pragma("noescape")
	return arguments{
		out:  Mem{Base: Load(Param("out"), GP64())},
		prev: Mem{Base: Load(Param("prev"), GP64())},
		ref:  Mem{Base: Load(Param("ref"), GP64())},
	}
}
