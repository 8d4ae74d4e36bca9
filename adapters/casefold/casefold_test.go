package casefold_test

import (
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/adapters/casefold"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.CaseFolder = casefold.CaseFolder{}

func TestFoldUnifiesSpellings(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		spellings []string
		want      string
	}{
		"ASCII in any case":                       {[]string{"john", "JOHN", "John"}, "john"},
		"composed and decomposed letters":         {[]string{"Žluť", "Z\u030Clut\u030C", "žluť"}, "žluť"},
		"full-width letters":                      {[]string{"ＪＯＨＮ", "ｊｏｈｎ"}, "john"},
		"the Kelvin sign and the letter K":        {[]string{"\u212Aate", "Kate", "kate"}, "kate"},
		"sharp s in three spellings":              {[]string{"STRASSE", "straße", "STRAẞE"}, "strasse"},
		"the final sigma":                         {[]string{"ΣΊΣΥΦΟΣ", "σίσυφος", "Σίσυφοσ"}, "σίσυφοσ"},
		"ligatures":                               {[]string{"ﬁnn", "FINN"}, "finn"},
		"the iota below, wherever it was written": {[]string{"\u1FB3", "\u03B1\u0345", "\u0391\u0399"}, "αι"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, spelling := range tt.spellings {
				if got := (casefold.CaseFolder{}).Fold(spelling); got != tt.want {
					t.Errorf("Fold(%+q) = %+q, want %+q", spelling, got, tt.want)
				}
			}
		})
	}
}

func TestFoldKeepsLookAlikesApart(t *testing.T) {
	t.Parallel()
	for _, other := range []string{"mİke@x.example", "mıke@x.example", "mіke@x.example"} {
		if got := (casefold.CaseFolder{}).Fold(other); got == "mike@x.example" {
			t.Errorf("Fold(%+q) = %q: mail for one person would go to another", other, got)
		}
	}
}

// Every character that a name may hold folds to characters that a name may hold: no key has an invisible one that the
// name did not show.
func TestFoldMakesNothingInvisible(t *testing.T) {
	t.Parallel()
	folder := casefold.CaseFolder{}
	for r := rune(1); r <= unicode.MaxRune; r++ {
		if text := string(r); utf8.ValidRune(r) && domain.IsVisible(text) && !domain.IsVisible(folder.Fold(text)) {
			t.Errorf("%+q folds to %+q", text, folder.Fold(text))
		}
	}
}

func FuzzFoldIsStable(f *testing.F) {
	for _, seed := range []string{"John", "straße", "\u1FB3", "İ", "\u0345\u0391", "a\xff", "ΐ", "㎒"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := casefold.CaseFolder{}.Fold(text)
		if twice := (casefold.CaseFolder{}).Fold(once); twice != once {
			t.Errorf("Fold(%+q) = %+q, and folded again %+q", text, once, twice)
		}
		if utf8.ValidString(text) && !utf8.ValidString(once) {
			t.Errorf("Fold(%+q) = %+q, which is no valid text", text, once)
		}
	})
}

func BenchmarkFold(b *testing.B) {
	for name, text := range map[string]string{"ascii": "john.doe@example.com", "unicode": "Žluťoučký Kůň"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				casefold.CaseFolder{}.Fold(text)
			}
		})
	}
}
