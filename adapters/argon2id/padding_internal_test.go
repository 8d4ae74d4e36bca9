package argon2id

import (
	"context"
	"strings"
	"testing"
	"time"
)

// paced is a hasher whose checks take, by its own clock, as long as the test says, and whose waits are only noted.
func paced(t *testing.T) (h *Hasher, took, waited *time.Duration) {
	t.Helper()
	h, err := New(Config{MemoryKiB: 64, Passes: 1, Lanes: 1, Workers: 1, QueueDeadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	took, waited = new(time.Duration), new(time.Duration)
	at, begun := time.Unix(0, 0), false
	h.padding.now = func() time.Time {
		if begun {
			at = at.Add(*took)
		}
		begun = !begun
		return at
	}
	h.padding.sleep = func(_ context.Context, d time.Duration) { *waited = d }
	return h, took, waited
}

// The response time of a wrong password must not distinguish users with foreign hashes from unknown names.
func TestRefusalsTakeAsLongAsTheSlowestKindOfHash(t *testing.T) {
	t.Parallel()
	const foreign = "$2b$05$W1quGEsdJwvKVq1/4PSMOecOioshg.aEI8/IUFQVN6rX1BpZvDSDC"
	h, took, waited := paced(t)
	unpaced, err := New(h.cfg)
	if err != nil {
		t.Fatal(err)
	}
	own, err := unpaced.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	ask := func(hash, password string, takes time.Duration) (time.Duration, bool) {
		t.Helper()
		*took, *waited = takes, 0
		ok, _, err := h.Verify(t.Context(), hash, password)
		if err != nil {
			t.Fatal(err)
		}
		return takes + *waited, ok
	}
	if total, _ := ask("", "wrong", 20*time.Millisecond); total != 20*time.Millisecond {
		t.Errorf("without foreign hashes a refusal takes %s, want no wait", total)
	}
	if total, _ := ask(foreign, "wrong", 80*time.Millisecond); total != 100*time.Millisecond {
		t.Errorf("a refusal of a foreign hash takes %s, want 100 ms", total)
	}
	for name, hash := range map[string]string{
		"nobody": "", "an own hash": own, "no hash": "!",
		"a foreign hash": foreign,
	} {
		if total, _ := ask(hash, "wrong", 20*time.Millisecond); total < 97*time.Millisecond || total > 100*time.Millisecond {
			t.Errorf("a refusal of %s takes %s, want what a foreign hash takes", name, total)
		}
	}
	if total, ok := ask(own, "correct horse", 20*time.Millisecond); !ok || total != 20*time.Millisecond {
		t.Errorf("a right password takes %s (right: %v), want no wait", total, ok)
	}
	if ok, err := h.Matches(t.Context(), own, "wrong"); ok || err != nil || *waited != 0 {
		t.Errorf("Matches waited %s (%v, %v)", *waited, ok, err)
	}
}

// One check that a busy machine held up must not slow refusals down for ever, and never by more than two seconds.
func TestPaddingFollowsTheCostOfForeignHashes(t *testing.T) {
	t.Parallel()
	f := newPadding()
	f.learn("slow", time.Hour)
	if got := time.Duration(f.length.Load()); got != maxPadding {
		t.Fatalf("the minimum is %s, want at most %s", got, maxPadding)
	}
	for range 300 {
		f.learn("slow", 80*time.Millisecond)
	}
	if got := time.Duration(f.length.Load()); got < 100*time.Millisecond || got > 102*time.Millisecond {
		t.Errorf("the minimum is %s after 300 checks of 80 ms", got)
	}
}

// The first refusal of a user with a foreign hash must not take longer than that of an unknown name.
func TestFirstForeignHashRevealsNothing(t *testing.T) {
	t.Parallel()
	const foreign = "$2b$05$W1quGEsdJwvKVq1/4PSMOecOioshg.aEI8/IUFQVN6rX1BpZvDSDC"
	h, took, waited := paced(t)
	*took = 80 * time.Millisecond
	if err := h.Learn(t.Context(), foreign); err != nil {
		t.Fatal(err)
	}
	*took = time.Hour // which a second measurement would learn
	if err := h.Learn(t.Context(), strings.Replace(foreign, "W1qu", "W1qa", 1)); err != nil {
		t.Fatal(err)
	}
	*took = 20 * time.Millisecond
	if _, _, err := h.Verify(t.Context(), "", "wrong"); err != nil || *waited != 80*time.Millisecond {
		t.Errorf("an unknown name waited %s (%v), want 80ms more than its 20ms", *waited, err)
	}
}

func TestKindsOfHashesAreTheirParameters(t *testing.T) {
	t.Parallel()
	for hash, want := range map[string]string{
		"$argon2id$v=19$m=8192,t=3,p=2$c2FsdA$c3Vt":                     "$argon2id$v=19$m=8192,t=3,p=2",
		"argon2$argon2id$v=19$m=8192,t=3,p=2$c2FsdA$c3Vt":               "argon2$argon2id$v=19$m=8192,t=3,p=2",
		"$2a$05$It0fvLEe/Mo4KoaqCcAQyejE1eZbts1wlpXaqyDySuQYC.ENgvJyC":  "$2a$05",
		"bcrypt_sha256$$2b$05$Ml.CZNEy1d7M8G2dhBLjGevhP1xwE5rpHVIbC6/h": "bcrypt_sha256$$2b$05",
		"$pbkdf2-sha256$1000$c2FsdA$c3Vt":                               "$pbkdf2-sha256$1000",
		"pbkdf2_sha256$600000$salt$c3Vt":                                "pbkdf2_sha256$600000",
		"scrypt:32768:8:1$salt$abcd":                                    "scrypt:32768:8:1",
		"$6$rounds=10000$salt$sum":                                      "$6$rounds=10000",
		"$6$salt$sum":                                                   "$6",
		"{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA":                        "{SSHA}",
		"{PBKDF2-SHA256}1000$c2FsdA$c3Vt":                               "{PBKDF2-SHA256}1000",
	} {
		if got := kindOf(hash); got != want {
			t.Errorf("%s is of the kind %q, want %q", hash, got, want)
		}
	}
}

// Where users came with hashes of several kinds, those of the slowest must not stand out because others sign in more
// often.
func TestFasterKindOfHashDoesNotLowerThePadding(t *testing.T) {
	t.Parallel()
	f := newPadding()
	f.learn("slow", 80*time.Millisecond)
	for range 300 {
		f.learn("fast", 20*time.Millisecond)
	}
	if got := time.Duration(f.length.Load()); got != 100*time.Millisecond {
		t.Errorf("the minimum is %s after 300 checks of a faster kind, want 100 ms", got)
	}
}
