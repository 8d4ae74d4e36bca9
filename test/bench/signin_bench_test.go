package bench_test

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/argon2"

	"github.com/ostiary/ostiary/adapters/argon2id/argon2kernel"
)

// signInLimits are the limits of the processor time of a sign-in in all, in milliseconds, by instruction set, on a
// machine where golang.org/x/crypto/argon2 takes libraryHash.
var signInLimits = map[string]float64{"avx512": 8, "avx2": 12, "neon": 12}

const libraryHash = 18

// BenchmarkSignIn reports the processor time of a sign-in over HTTP, with its default hash, beside that of the same
// hash in golang.org/x/crypto/argon2. A processor with AVX-512 is measured with AVX2 too.
func BenchmarkSignIn(b *testing.B) {
	best := argon2kernel.Name()
	environments := map[string]string{best: "GODEBUG="}
	if best == "avx512" {
		environments["avx2"] = "GODEBUG=cpu.avx512f=off"
	}
	for kernel, environment := range environments {
		b.Run(kernel, func(b *testing.B) {
			p := startProgram(b, environment)
			c := p.signIn(b)
			request := postRequest("/auth/login", "", `{"username":"root","password":"`+password+`"}`)
			signIn := func() float64 {
				before := c.used(b)
				for range 20 {
					c.call(b, request, http.StatusOK)
				}
				return float64(c.used(b)-before) / 20
			}
			library := func() float64 {
				before := cpuTime(b)
				for range 20 {
					argon2.IDKey([]byte(password), []byte("somesaltsomesalt"), 2, 19<<10, 1, 32)
				}
				return float64(cpuTime(b)-before) / 20
			}
			ratio := medianRatio(b, signIn, library)
			b.ReportMetric(library()/1e6, "cpu-ms-library")
			if limit, found := signInLimits[kernel]; found {
				withLimit(b, fmt.Sprintf("sign-in with %s / hash of x/crypto", kernel), ratio, limit/libraryHash, "times-library")
			}
		})
	}
}

// BenchmarkBinary reports the size of the program as it is released.
func BenchmarkBinary(b *testing.B) {
	for b.Loop() {
		binary := filepath.Join(b.TempDir(), "ostiary")
		build(b, binary, "-trimpath", "-ldflags", "-s -w")
		info, err := os.Stat(binary)
		if err != nil {
			b.Fatal(err)
		}
		withLimit(b, "binary", float64(info.Size())/1e6, 30, "MB")
	}
}
