package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// registers256 is the use of the sixteen registers: eight hold words, four are temporary, two hold the byte shuffles.
type registers256 struct {
	words        [8]reg.VecPhysical
	temporary    [4]reg.VecPhysical
	rot24, rot16 reg.VecPhysical
}

func newRegisters256() registers256 {
	return registers256{
		words:     [8]reg.VecPhysical{reg.Y0, reg.Y1, reg.Y2, reg.Y3, reg.Y4, reg.Y5, reg.Y6, reg.Y7},
		temporary: [4]reg.VecPhysical{reg.Y8, reg.Y9, reg.Y10, reg.Y11},
		rot24:     reg.Y14, rot16: reg.Y15,
	}
}

// quad names the registers of one G: four words of a, b, c and d.
type quad struct{ a, b, c, d, t reg.VecPhysical }

var shuffles = map[string]Mem{}

// shuffle returns the constant that rotates each 64-bit word to the right by whole bytes.
func shuffle(name string, bytes int) Mem {
	if m, ok := shuffles[name]; ok {
		return m
	}
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 32 {
		DATA(i, U8(i%16/8*8+(i+bytes)%8))
	}
	shuffles[name] = m
	return m
}

// avx2 writes a compression function. The rows are worked on in pairs and stored on the stack, then the columns in
// pairs.
func avx2(name, doc string, xor bool) {
	args := begin(name, doc)
	r := newRegisters256()
	VMOVDQU(shuffle("rotate24", 3), r.rot24)
	VMOVDQU(shuffle("rotate16", 2), r.rot16)
	rows := AllocLocal(blockSize)
	for pair := range 4 {
		for i, w := range r.words {
			at := 256*pair + 32*i
			VMOVDQU(args.prev.Offset(at), w)
			VPXOR(args.ref.Offset(at), w, w)
		}
		r.permuteRows()
		for i, w := range r.words {
			VMOVDQU(w, rows.Offset(256*pair+32*i))
		}
	}
	for pair := range 4 {
		for row, w := range r.words {
			VMOVDQU(rows.Offset(128*row+32*pair), w)
		}
		r.permuteColumns()
		for row, w := range r.words {
			at := 128*row + 32*pair
			VPXOR(args.prev.Offset(at), w, w)
			VPXOR(args.ref.Offset(at), w, w)
			if xor {
				VPXOR(args.out.Offset(at), w, w)
			}
			VMOVDQU(w, args.out.Offset(at))
		}
	}
	VZEROUPPER()
	RET()
}

// permuteRows applies P to two rows. Each register holds four words of one row.
func (r *registers256) permuteRows() {
	w, t := r.words, r.temporary
	quads := []quad{{w[0], w[1], w[2], w[3], t[0]}, {w[4], w[5], w[6], w[7], t[1]}}
	r.mix(quads)
	for _, q := range quads {
		VPERMQ(U8(0x39), q.b, q.b)
		VPERMQ(U8(0x4e), q.c, q.c)
		VPERMQ(U8(0x93), q.d, q.d)
	}
	r.mix(quads)
	for _, q := range quads {
		VPERMQ(U8(0x93), q.b, q.b)
		VPERMQ(U8(0x4e), q.c, q.c)
		VPERMQ(U8(0x39), q.d, q.d)
	}
}

// permuteColumns applies P to two columns. Each register holds two neighboring words of both.
func (r *registers256) permuteColumns() {
	w, t := r.words, r.temporary
	r.mix([]quad{{w[0], w[2], w[4], w[6], t[0]}, {w[1], w[3], w[5], w[7], t[1]}})
	rotateLeft(w[2], w[3], t[0])
	rotateRight(w[6], w[7], t[1])
	r.mix([]quad{{w[0], w[2], w[5], w[6], t[0]}, {w[1], w[3], w[4], w[7], t[1]}})
	rotateRight(w[2], w[3], t[0])
	rotateLeft(w[6], w[7], t[1])
}

// rotateLeft makes (x1 y0)(y1 x0) of (x0 x1)(y0 y1), in both halves of the registers.
func rotateLeft(x, y, t reg.VecPhysical) {
	VPALIGNR(U8(8), x, y, t)
	VPALIGNR(U8(8), y, x, y)
	VMOVDQA(t, x)
}

// rotateRight makes (y1 x0)(x1 y0) of (x0 x1)(y0 y1), in both halves of the registers.
func rotateRight(x, y, t reg.VecPhysical) {
	VPALIGNR(U8(8), y, x, t)
	VPALIGNR(U8(8), x, y, y)
	VMOVDQA(t, x)
}

// mix applies GB to the quads, each step to all of them, so that the processor works on them side by side.
func (r *registers256) mix(quads []quad) {
	steps := []struct {
		x, y, z func(quad) reg.VecPhysical
		rotate  func(v, t reg.VecPhysical)
	}{
		{wordA, wordB, wordD, func(v, _ reg.VecPhysical) { VPSHUFD(U8(0xb1), v, v) }},
		{wordC, wordD, wordB, func(v, _ reg.VecPhysical) { VPSHUFB(r.rot24, v, v) }},
		{wordA, wordB, wordD, func(v, _ reg.VecPhysical) { VPSHUFB(r.rot16, v, v) }},
		{wordC, wordD, wordB, func(v, t reg.VecPhysical) {
			VPADDQ(v, v, t)
			VPSRLQ(U8(63), v, v)
			VPXOR(t, v, v)
		}},
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
			VPXOR(s.x(q), s.z(q), s.z(q))
		}
		for _, q := range quads {
			s.rotate(s.z(q), q.t)
		}
	}
}

func wordA(q quad) reg.VecPhysical { return q.a }
func wordB(q quad) reg.VecPhysical { return q.b }
func wordC(q quad) reg.VecPhysical { return q.c }
func wordD(q quad) reg.VecPhysical { return q.d }
