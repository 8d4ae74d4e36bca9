package argon2id_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/argon2id"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.PasswordHasher = (*argon2id.Hasher)(nil)

// quick is a hasher for tests that are not about cost.
func quick(t *testing.T) *argon2id.Hasher {
	t.Helper()
	return newHasher(t, argon2id.Config{MemoryKiB: 64, Passes: 1, Lanes: 1, QueueDeadline: time.Minute})
}

func newHasher(tb testing.TB, cfg argon2id.Config) *argon2id.Hasher {
	tb.Helper()
	hasher, err := argon2id.New(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return hasher
}

func hash(t *testing.T, hasher *argon2id.Hasher, password string) string {
	t.Helper()
	text, err := hasher.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func verify(t *testing.T, hasher *argon2id.Hasher, hash, password string) (ok, outdated bool) {
	t.Helper()
	ok, outdated, err := hasher.Verify(t.Context(), hash, password)
	if err != nil {
		t.Fatal(err)
	}
	return ok, outdated
}

func TestHashesAreArgon2idOfTheRecommendedCost(t *testing.T) {
	t.Parallel()
	hasher := newHasher(t, argon2id.DefaultConfig())
	text := hash(t, hasher, "correct horse")
	if !strings.HasPrefix(text, "$argon2id$v=19$m=19456,t=2,p=1$") || len(text) != 97 {
		t.Errorf("the hash is %s, want Argon2id with 19 MiB, two passes, one lane, a salt of 16 and a sum of 32 bytes", text)
	}
	if text == hash(t, hasher, "correct horse") {
		t.Error("two hashes of a password are the same: the salt was used again")
	}
	if ok, outdated := verify(t, hasher, text, "correct horse"); !ok || outdated {
		t.Errorf("Verify = %v, outdated %v", ok, outdated)
	}
	if ok, _ := verify(t, hasher, text, "Correct horse"); ok {
		t.Error("a wrong password is right")
	}
}

func TestHashesOfOtherParametersAreOutdated(t *testing.T) {
	t.Parallel()
	weak, strong := quick(t), newHasher(t, argon2id.Config{
		MemoryKiB: 128, Passes: 1, Lanes: 1,
		QueueDeadline: time.Minute,
	})
	text := hash(t, weak, "correct horse")
	if ok, outdated := verify(t, strong, text, "correct horse"); !ok || !outdated {
		t.Errorf("under higher parameters Verify = %v, outdated %v; want right and outdated", ok, outdated)
	}
}

func TestImportedHashesAreCheckedAndOutdated(t *testing.T) {
	t.Parallel()
	hasher := quick(t)
	for name, text := range imported {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if hasher.Supports(text) != domain.HashSupported {
				t.Fatal("the form is not supported")
			}
			if ok, outdated := verify(t, hasher, text, "correct horse"); !ok || !outdated {
				t.Errorf("Verify = %v, outdated %v; want right and outdated", ok, outdated)
			}
			for _, wrong := range []string{"", "correct hors", "correct horse ", "Correct horse"} {
				if ok, _ := verify(t, hasher, text, wrong); ok {
					t.Errorf("%q is right too", wrong)
				}
			}
		})
	}
}

func TestHostileHashesAreNeitherSupportedNorRight(t *testing.T) {
	t.Parallel()
	hasher := quick(t)
	for name, text := range refused {
		if hasher.Supports(text) == domain.HashSupported {
			t.Errorf("%s is supported", name)
		}
		if ok, outdated := verify(t, hasher, text, "correct horse"); ok || outdated {
			t.Errorf("%s: Verify = %v, outdated %v", name, ok, outdated)
		}
	}
}

func TestEmptyHashNeverMatches(t *testing.T) {
	t.Parallel()
	hasher := quick(t)
	for _, password := range []string{"", "password", "nobody's password"} {
		if ok, outdated := verify(t, hasher, "", password); ok || outdated {
			t.Errorf("without a hash %q is %v, outdated %v", password, ok, outdated)
		}
	}
}

func TestPasswordsAreNotTruncated(t *testing.T) {
	t.Parallel()
	hasher := quick(t)
	tests := map[string]struct {
		set, typed string
		want       bool
	}{
		"a password of 128 characters":           {strings.Repeat("a", 128), strings.Repeat("a", 128), true},
		"its first 127":                          {strings.Repeat("a", 128), strings.Repeat("a", 127), false},
		"a password of 1,024 bytes":              {strings.Repeat("ž", 512), strings.Repeat("ž", 512), true},
		"one that differs beyond byte 72":        {strings.Repeat("a", 80) + "b", strings.Repeat("a", 80) + "c", false},
		"spaces at both ends":                    {" pass word ", "pass word", false},
		"spaces kept":                            {" pass word ", " pass word ", true},
		"a decomposed letter for a composed":     {"Zlu\u0165", "Zlut\u030C", true},
		"a no-break space for a space":           {"pass word", "pass\u00A0word", true},
		"full-width letters for others":          {"password", "ｐａｓｓｗｏｒｄ", false},
		"a NUL and what follows":                 {"pass\x00word", "pass", false},
		"bytes that are no text":                 {"pass\xff", "pass\xfe", false},
		"more than a password may have, refused": {strings.Repeat("a", 1025), strings.Repeat("a", 1025), false},
	}
	for name, tt := range tests {
		if ok, _ := verify(t, hasher, hash(t, hasher, tt.set), tt.typed); ok != tt.want {
			t.Errorf("%s: Verify = %v, want %v", name, ok, tt.want)
		}
	}
}

func TestImportedHashesOfUnpreparedPasswordsCount(t *testing.T) {
	t.Parallel()
	// {SSHA} of "zlut" with a combining caron and the salt "salt", as a system makes it that takes passwords as they come.
	const text = `{SSHA}RTzwNP3OWZ4xH82BEmGFjzWcpeJzYWx0`
	hasher := quick(t)
	if ok, _ := verify(t, hasher, text, "zlut\u030C"); !ok {
		t.Error("the password as it was set elsewhere is wrong")
	}
}

func TestFullQueueReturnsRetryAfter(t *testing.T) {
	t.Parallel()
	hasher := newHasher(t, argon2id.Config{
		MemoryKiB: 64 << 10, Passes: 3, Lanes: 1, Workers: 1,
		QueueDeadline: time.Nanosecond,
	})
	var (
		wg                 sync.WaitGroup
		mu                 sync.Mutex
		served, overloaded int
	)
	for range 8 {
		wg.Go(func() {
			_, _, err := hasher.Verify(t.Context(), "", "password")
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				served++
			case errors.Is(err, fault.ErrOverloaded) && fault.Of(err).RetryAfter() > 0:
				overloaded++
			default:
				t.Errorf("Verify = %v, want fault.ErrOverloaded with a time to come back", err)
			}
		})
	}
	wg.Wait()
	if overloaded == 0 {
		t.Errorf("%d calls were served at once by one worker without a queue", served)
	}
}

func TestNewRefusesParametersThatAreNone(t *testing.T) {
	t.Parallel()
	for _, cfg := range []argon2id.Config{
		{},
		{MemoryKiB: 7, Passes: 1, Lanes: 1, QueueDeadline: 1},
		{MemoryKiB: 64, Lanes: 1, QueueDeadline: 1},
		{MemoryKiB: 64, Passes: 1, QueueDeadline: 1},
		{MemoryKiB: 64, Passes: 1, Lanes: 1},
		{MemoryKiB: 128<<10 + 1, Passes: 1, Lanes: 1, QueueDeadline: 1}, // beyond what Verify would compute
		{MemoryKiB: 128 << 10, Passes: 5, Lanes: 1, QueueDeadline: 1},
		{MemoryKiB: 1024, Passes: 1, Lanes: 17, QueueDeadline: 1},
	} {
		if _, err := argon2id.New(cfg); err == nil {
			t.Errorf("New(%+v) gave a hasher", cfg)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	hasher := newHasher(b, argon2id.DefaultConfig())
	text, err := hasher.Hash(b.Context(), "correct horse")
	if err != nil {
		b.Fatal(err)
	}
	for name, hash := range map[string]string{"known": text, "unknown": "", "SSHA": imported["ssha"]} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, _, err := hasher.Verify(b.Context(), hash, "wrong horse"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
