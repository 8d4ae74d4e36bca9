package commonpasswords_test

import (
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/commonpasswords"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.KnownPasswords = (*commonpasswords.List)(nil)

func newList(tb testing.TB) *commonpasswords.List {
	tb.Helper()
	list, err := commonpasswords.New()
	if err != nil {
		tb.Fatal(err)
	}
	return list
}

func TestKnowsCommonPasswords(t *testing.T) {
	t.Parallel()
	list := newList(t)
	for _, password := range []string{
		"password", "Password1234!", "PASSWORD1234!", "P@$$w0rd1234", "P@ssw0rd!2024", "!!Password2024", "Passw0rd123456!",
		"L3tm31n!2024#",
		"Dragon-Dragon1!", "dragondragon", "Summer2024!!", "Winter2025!!!", "Welcome12345!", "Changeme123!",
		"Administrator1!",
		"qwertyuiop12", "Qwertyuiop123!", "1qaz2wsx3edc", "!QAZ2wsx3EDC", "Abcdefghijk1!", "abcabcabcabc", "aaaaaaaaaaaa",
		"123456789012",
		"1q2w3e4r5t6y", "Monkey!!!!!!1", "Baseball#1234", strings.Repeat("ž1!", 85), "Iloveyou123!", "Password!@#$1",
		"Trustno1!2024",
	} {
		if !list.IsKnown(password) {
			t.Errorf("%q is not known", password)
		}
	}
}

func TestLeavesOtherPasswordsAlone(t *testing.T) {
	t.Parallel()
	list := newList(t)
	for _, password := range []string{
		"", "correct horse battery staple", "Correct-Horse-Battery-9", "newSecurePassword123", "new_secure_password",
		"x7#Kq9!mWz2@", "84720193",
		"Quietly-Umbrella-4417", "Žluťoučký kůň 7!", "T4ke-the-A-train!", "My dog eats 2 shoes!", "\xff\xfe\xfd1234",
		"Tr0ub4dor&Zebra7", "vK2!password-of-mine", "Dragon84729163!", "Summer-Forest-77!",
	} {
		if list.IsKnown(password) {
			t.Errorf("%q is taken for a common password", password)
		}
	}
}

func TestLongPasswordsTakeNoTime(t *testing.T) {
	t.Parallel()
	list := newList(t)
	var known int
	start := time.Now()
	for _, piece := range []string{"1", "!", "1!", "a", "ab", "@$", "Ž", "p@$$w0rd"} {
		if list.IsKnown(strings.Repeat(piece, 1024/len(piece)) + "x") {
			known++
		}
	}
	// No figure to hold, only a guard against a rule whose cost explodes: zxcvbn took seconds for such texts.
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("eight passwords of 1 KiB took %v (%d known)", took, known)
	}
}

func FuzzIsKnown(f *testing.F) {
	list := newList(f)
	for _, seed := range []string{"Password1234!", "", "\xff", "ſ", "!!!", "İ1"} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, password string) { list.IsKnown(password) })
}

func BenchmarkIsKnown(b *testing.B) {
	list := newList(b)
	for name, password := range map[string]string{
		"known": "Password1234!", "unknown": "Quietly-Umbrella-4417",
		"long": strings.Repeat("1!", 128),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				list.IsKnown(password)
			}
		})
	}
}
