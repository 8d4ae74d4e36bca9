package argon2id

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// DefaultConfig returns the default settings of the service: 19 MiB, two passes and one lane.
func DefaultConfig() Config {
	return Config{MemoryKiB: 19 << 10, Passes: 2, Lanes: 1, QueueDeadline: 10 * time.Second}
}

func TestEmptyHashCostsTheSame(t *testing.T) {
	t.Parallel()
	h, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	text, err := h.Hash(t.Context(), "password")
	if err != nil {
		t.Fatal(err)
	}
	own, ok := parse(text)
	if !ok {
		t.Fatal("the hasher's own hash does not parse")
	}
	d := h.dummy
	if d.memory != own.argon2.memory || d.passes != own.argon2.passes || d.lanes != own.argon2.lanes || !d.id ||
		len(d.salt) != len(own.argon2.salt) || len(d.sum) != len(own.argon2.sum) {
		t.Error("the hash for unknown names has other parameters than real ones")
	}
	if cheap, ok := parse("{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA"); !ok || !cheap.cheap {
		t.Error("a hash of next to no work is not made up for")
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"$argon2id$v=19$m=8192,t=3,p=2$h1Dq/Z/znnOOkXIuhZAyRg$MsX/75rHnqE8riuX/hBm/SosW1oHnIH6BCQ/OQJy0KM",
		"$2a$05$It0fvLEe/Mo4KoaqCcAQyejE1eZbts1wlpXaqyDySuQYC.ENgvJyC",
		"bcrypt_sha256$$2b$05$Ml.CZNEy1d7M8G2dhBLjGevhP1xwE5rpHVIbC6/hzsUWGJa0Tl2.C",
		"$pbkdf2-sha256$1000$WYtxDsFYa43Ruvf./x.jdA$zFixbl92vGDBn/YGr/bFye8hJZx/SQteGs7bNpFoU2c",
		"{PBKDF2-SHA256}1000$ivEeo9Q6B0AIwVjLWcvZOw$IofVFkpXoL7EJogZqS4.VlRyGhxnpz0EhkMMy.4P29I",
		"pbkdf2_sha256$1000$saltsaltsalt$F7o7+5VTVzFAO998X6s3AHrDsJVdMiIlgndIMe19NvY=",
		"pbkdf2:sha256:1000$LZ1a1jsInP72EdKB$cdbff2325a416afe11e9c29b13f678f3253d568633172449fbf76f1cc023ab15",
		"$scrypt$ln=10,r=8,p=1$7V3L+T9HyLm3tvYe47z3/g$1Mj7db7wcZUf0CqPuoGGc7Ju2BIo985BPC+g0I4i7S4",
		"scrypt:1024:8:1$abcdefgh12345678$c9af3e22d337e8e1a7adc40c497069c30ccbbdf5e97123cc3a08c27240deea04c3",
		"scrypt$1024$saltsaltsalt$8$5$Kc4G/Z/sXNdpyJ3LA2iScqjXi5dcUdJjvGFcHHaopUBuAIBmjcsT7arqi7ouFHELmir7VXCJnsuMxD3W9oBDHw==",
		"{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, ok := parse(text)
		if !ok {
			return
		}
		if s.memory > maxMemory {
			t.Fatalf("%q may take %d bytes", text, s.memory)
		}
		// Only what costs next to nothing is tried, or the fuzzer would do nothing else.
		if a := s.argon2; a != nil && (a.memory > 1024 || a.passes > 4) || s.memory > 1<<20 || !s.cheap && a == nil {
			return
		}
		s.matches(newMemories(0), []byte("password"))
	})
}

// BenchmarkSignIns measures what 200 sign-ins at once take; the peak is that of the whole process.
func BenchmarkSignIns(b *testing.B) {
	cfg := DefaultConfig()
	cfg.QueueDeadline = time.Minute
	h, err := New(cfg)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		var wg sync.WaitGroup
		for range 200 {
			wg.Go(func() {
				if _, _, err := h.Verify(b.Context(), "", "password"); err != nil {
					b.Error(err)
				}
			})
		}
		wg.Wait()
	}
	b.ReportMetric(float64(peakKiB(b))/1024, "peak-MiB")
}

func peakKiB(b *testing.B) int {
	b.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		b.Skip("there is no /proc here")
	}
	for line := range strings.Lines(string(status)) {
		if rest, found := strings.CutPrefix(line, "VmHWM:"); found {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				b.Fatal(err)
			}
			return n
		}
	}
	return 0
}
