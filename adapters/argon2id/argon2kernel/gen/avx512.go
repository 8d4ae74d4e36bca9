package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// words512 are the registers of a whole block, by pair of rows and by quarter of a row: words512[p][k] holds the four
// words 4k to 4k+3 of row 2p, and then those of row 2p+1. Blocks are stored in this order, so that nothing is shuffled
// on loading.
var words512 = [4][4]reg.VecPhysical{
	{reg.Z0, reg.Z1, reg.Z2, reg.Z3},
	{reg.Z4, reg.Z5, reg.Z6, reg.Z7},
	{reg.Z8, reg.Z9, reg.Z10, reg.Z11},
	{reg.Z12, reg.Z13, reg.Z14, reg.Z15},
}

var (
	temporary512 = [4]reg.VecPhysical{reg.Z16, reg.Z17, reg.Z18, reg.Z19}
	left512      = reg.Z30
	right512     = reg.Z31
)

// index returns a constant of eight indices for VPERMQ.
func index(name string, indices [8]uint64) Mem {
	if m, ok := shuffles[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i, x := range indices {
		DATA(8*i, U64(x))
	}
	shuffles[name] = m
	return m
}

// avx512 writes a compression function that keeps the whole block in registers.
func avx512(name, doc string, xor bool) {
	args := begin(name, doc)
	VMOVDQU64(index("left", [8]uint64{1, 4, 3, 6, 5, 0, 7, 2}), left512)
	VMOVDQU64(index("right", [8]uint64{5, 0, 7, 2, 1, 4, 3, 6}), right512)
	for p := range 4 {
		for k := range 4 {
			at := 64 * (4*p + k)
			VMOVDQU64(args.prev.Offset(at), words512[p][k])
			VPXORQ(args.ref.Offset(at), words512[p][k], words512[p][k])
		}
	}
	permuteRows512()
	permuteColumns512()
	for p := range 4 {
		for k := range 4 {
			at, w, t := 64*(4*p+k), words512[p][k], temporary512[k]
			VMOVDQU64(args.prev.Offset(at), t)
			VPTERNLOGQ(U8(0x96), args.ref.Offset(at), t, w)
			if xor {
				VPXORQ(args.out.Offset(at), w, w)
			}
			VMOVDQU64(w, args.out.Offset(at))
		}
	}
	VZEROUPPER()
	RET()
}

// permuteRows512 applies P to all rows.
func permuteRows512() {
	var quads []quad
	for p, w := range words512 {
		quads = append(quads, quad{w[0], w[1], w[2], w[3], temporary512[p]})
	}
	mix512(quads)
	for _, q := range quads {
		VPERMQ(U8(0x39), q.b, q.b)
		VPERMQ(U8(0x4e), q.c, q.c)
		VPERMQ(U8(0x93), q.d, q.d)
	}
	mix512(quads)
	for _, q := range quads {
		VPERMQ(U8(0x93), q.b, q.b)
		VPERMQ(U8(0x4e), q.c, q.c)
		VPERMQ(U8(0x39), q.d, q.d)
	}
}

// permuteColumns512 applies P to all columns. A register holds, of two columns, first two words of each and then the
// two words after them.
func permuteColumns512() {
	var quads []quad
	for k := range 4 {
		quads = append(quads, quad{words512[0][k], words512[1][k], words512[2][k], words512[3][k], temporary512[k]})
	}
	mix512(quads)
	for _, q := range quads {
		VPERMQ(q.b, left512, q.b)
		VSHUFI64X2(U8(0x4e), q.c, q.c, q.c)
		VPERMQ(q.d, right512, q.d)
	}
	mix512(quads)
	for _, q := range quads {
		VPERMQ(q.b, right512, q.b)
		VSHUFI64X2(U8(0x4e), q.c, q.c, q.c)
		VPERMQ(q.d, left512, q.d)
	}
}

// mix512 applies GB to the quads, each step to all of them.
func mix512(quads []quad) {
	steps := []struct {
		x, y, z func(quad) reg.VecPhysical
		bits    uint8
	}{
		{wordA, wordB, wordD, 32}, {wordC, wordD, wordB, 24}, {wordA, wordB, wordD, 16}, {wordC, wordD, wordB, 63},
	}
	for _, s := range steps {
		for _, q := range quads {
			VPMULUDQ(s.x(q), s.y(q), q.t)
			VPADDQ(s.y(q), s.x(q), s.x(q))
		}
		for _, q := range quads {
			VPADDQ(q.t, q.t, q.t)
		}
		for _, q := range quads {
			VPADDQ(q.t, s.x(q), s.x(q))
		}
		for _, q := range quads {
			VPXORQ(s.x(q), s.z(q), s.z(q))
		}
		for _, q := range quads {
			VPRORQ(U8(s.bits), s.z(q), s.z(q))
		}
	}
}
