//go:build amd64 && !purego

package argon2kernel

import (
	"math/bits"
	"os"
	"strconv"
	"strings"
	"testing"
)

// The AVX-512 functions run on few machines, so the tests also interpret the generated file. Operands have the order of
// Go's assembler: the destination is last.

// interpreter executes the instructions of one function of compress_amd64.s.
type interpreter struct {
	lines     []string
	constants map[string][8]uint64
	registers map[string][8]uint64
	blocks    map[string]*block // by the general register that holds the address
}

// newInterpreter reads a function of the generated file.
func newInterpreter(t *testing.T, function string) *interpreter {
	t.Helper()
	file, err := os.ReadFile("compress_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	in := &interpreter{constants: map[string][8]uint64{}}
	inside := false
	for line := range strings.Lines(string(file)) {
		fields := strings.Fields(strings.ReplaceAll(line, ",", " "))
		switch {
		case len(fields) == 0 || strings.HasPrefix(line, "//"):
		case fields[0] == "TEXT":
			inside = fields[1] == "·"+function+"(SB)"
		case fields[0] == "DATA":
			in.readConstant(fields)
		case inside:
			in.lines = append(in.lines, strings.Join(fields, " "))
		}
	}
	if len(in.lines) == 0 {
		t.Fatalf("compress_amd64.s has no function %s", function)
	}
	return in
}

// readConstant reads DATA name<>+offset(SB)/8, $value.
func (in *interpreter) readConstant(fields []string) {
	name, rest, _ := strings.Cut(fields[1], "<>+")
	offset, size, _ := strings.Cut(rest, "(SB)/")
	at, err := strconv.Atoi(offset)
	value, err2 := strconv.ParseUint(strings.TrimPrefix(fields[2], "$"), 0, 64)
	if err == nil && err2 == nil && size == "8" {
		c := in.constants[name]
		c[at/8] = value
		in.constants[name] = c
	}
}

// run executes the function.
func (in *interpreter) run(t *testing.T, out, prev, ref *block) {
	t.Helper()
	in.registers = map[string][8]uint64{}
	in.blocks = map[string]*block{}
	arguments := map[string]*block{"out+0(FP)": out, "prev+8(FP)": prev, "ref+16(FP)": ref}
	for _, line := range in.lines {
		f := strings.Fields(line)
		switch op, args := f[0], f[1:]; op {
		case "MOVQ":
			in.blocks[args[1]] = arguments[args[0]]
		case "VZEROUPPER":
		case "RET":
			return
		default:
			in.store(t, args[len(args)-1], in.compute(t, op, args))
		}
	}
	t.Fatal("the function has no end")
}

func (in *interpreter) compute(t *testing.T, op string, args []string) (result [8]uint64) {
	t.Helper()
	immediate, err := strconv.ParseUint(strings.TrimPrefix(args[0], "$"), 0, 8)
	if strings.HasPrefix(args[0], "$") {
		if err != nil {
			t.Fatal(err)
		}
		args = args[1:]
	}
	x := in.load(t, args[0])
	y := in.load(t, args[min(1, len(args)-1)])
	old := in.load(t, args[len(args)-1])
	for i := range result {
		switch op {
		case "VMOVDQU64":
			result[i] = x[i]
		case "VPXORQ":
			result[i] = x[i] ^ y[i]
		case "VPADDQ":
			result[i] = x[i] + y[i]
		case "VPMULUDQ":
			result[i] = (x[i] & 0xffffffff) * (y[i] & 0xffffffff)
		case "VPRORQ":
			result[i] = bits.RotateLeft64(x[i], -int(immediate))
		case "VPERMQ":
			if len(args) == 2 { // by a constant, in each half
				result[i] = x[i/4*4+int(immediate>>(2*(i%4))&3)]
			} else {
				result[i] = x[y[i]&7]
			}
		case "VSHUFI64X2": // quarters: two of the second source, then two of the first
			from := y
			if i >= 4 {
				from = x
			}
			result[i] = from[2*int(immediate>>(2*(i/2))&3)+i%2]
		case "VPTERNLOGQ":
			if immediate != 0x96 {
				t.Fatal("only the exclusive or of three is known")
			}
			result[i] = x[i] ^ y[i] ^ old[i]
		default:
			t.Fatalf("unknown instruction %s", op)
		}
	}
	return result
}

func (in *interpreter) load(t *testing.T, operand string) [8]uint64 {
	t.Helper()
	if b, at := in.memory(t, operand); b != nil {
		return [8]uint64(b[at : at+8])
	}
	if name, found := strings.CutSuffix(operand, "<>+0(SB)"); found {
		return in.constants[name]
	}
	return in.registers[operand]
}

func (in *interpreter) store(t *testing.T, operand string, value [8]uint64) {
	t.Helper()
	if b, at := in.memory(t, operand); b != nil {
		copy(b[at:], value[:])
		return
	}
	in.registers[operand] = value
}

// memory returns the block and the word that an operand such as 64(AX) names; nil for other operands.
func (in *interpreter) memory(t *testing.T, operand string) (*block, int) {
	t.Helper()
	offset, register, found := strings.Cut(strings.TrimSuffix(operand, ")"), "(")
	if !found || register == "SB" {
		return nil, 0
	}
	at := 0
	if offset != "" {
		var err error
		if at, err = strconv.Atoi(offset); err != nil {
			t.Fatal(err)
		}
	}
	return in.blocks[register], at / 8
}

// interpreted returns the AVX-512 kernel as the interpreter executes it.
func interpreted(t *testing.T) *kernel {
	t.Helper()
	plain, xor := newInterpreter(t, "compressAVX512"), newInterpreter(t, "compressXorAVX512")
	return &kernel{
		name:        "avx512",
		compress:    func(out, prev, ref *block) { plain.run(t, out, prev, ref) },
		compressXor: func(out, prev, ref *block) { xor.run(t, out, prev, ref) },
		order:       rowPairs(),
	}
}

func TestInterpretedAVX512IsThatOfTheReference(t *testing.T) {
	t.Parallel()
	k := interpreted(t)
	var m Memory
	for _, p := range []Params{
		{Variant: Argon2id, Passes: 2, MemoryKiB: 40, Lanes: 1},
		{Variant: Argon2i, Passes: 2, MemoryKiB: 33, Lanes: 2},
	} {
		compare(t, &m, k, p, []byte("password"), []byte("somesalt"), 72)
	}
}
