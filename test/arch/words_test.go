package arch_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/test/arch"
)

func TestCommentsUseStandardWords(t *testing.T) {
	t.Parallel()
	count, err := arch.CountWords(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("comments: %d words, %.2f quaint and %.1f standard ones in a thousand", count.Words, count.QuaintRate(),
		count.StandardRate())
	if count.QuaintRate() > arch.MaxQuaint {
		for _, word := range count.Quaint {
			t.Log(word)
		}
		t.Errorf("%.2f quaint words in a thousand, want at most %.2f (goal %.0f): replace words of the list above",
			count.QuaintRate(), arch.MaxQuaint, arch.GoalQuaint)
	}
	if count.StandardRate() < arch.MinStandard {
		t.Errorf("%.1f standard words in a thousand, want at least %.1f (goal %.0f): name things by the field's words",
			count.StandardRate(), arch.MinStandard, arch.GoalStandard)
	}
}

func TestCountWords(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		code            string
		words, standard int
		quaint          []string
	}{
		"counts words and standard words": {"// F returns the session.\nfunc F() {}", 4, 2, nil},
		"reports line, word and advice": {
			"// F is quiet.\n// Whoever calls it gets nothing.\nfunc F() {}", 8, 0,
			[]string{`x.go:4: "Whoever": name the actor, such as the client or the user`},
		},
		"finds a phrase": {"// It looks after sessions.", 4, 0, []string{`x.go:3: "looks after": write manages`}},
		"reads trailing comments": {
			"var x = 1 // told", 1, 0,
			[]string{`x.go:3: "told": write reported, returned, configured`},
		},
		"skips strings":            {`var x = "// whoever"`, 0, 0, nil},
		"skips directives":         {"//nolint:x // nobody\nvar x = 1", 0, 0, nil},
		"does not match in a word": {"// Wholesale, stagestood.", 2, 0, nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var count arch.WordCount
			if err := count.Add("x.go", []byte("package x\n\n"+test.code+"\n")); err != nil {
				t.Fatal(err)
			}
			var quaint []string
			for _, word := range count.Quaint {
				quaint = append(quaint, word.String())
			}
			if count.Words != test.words || count.Standard != test.standard {
				t.Errorf("words = %d, standard = %d, want %d, %d", count.Words, count.Standard, test.words, test.standard)
			}
			if diff := cmp.Diff(test.quaint, quaint); diff != "" {
				t.Error(diff)
			}
		})
	}
}
