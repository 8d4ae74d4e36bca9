package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// inCode is a command as pages print it, in a block or between ticks.
var inCode = regexp.MustCompile("(?m)(?:^|`|\\| |\\./|bin/|cmd/)ostiary((?: [a-z][a-z-]+)+)")

// TestDocsNameCommandsThatExist: what a page says to type can be typed.
func TestDocsNameCommandsThatExist(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, page := range append(pages, "../../README.md", "../../SECURITY.md", "../../CONTRIBUTING.md") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		// What a checkpoint begins with is no command.
		typed := strings.ReplaceAll(string(text), "ostiary audit checkpoint v1", "")
		for _, found := range inCode.FindAllStringSubmatch(typed, -1) {
			n++
			words := strings.Fields(found[1])
			c, rest, err := (&app{}).root().Find(words)
			if err != nil || c.HasSubCommands() && len(rest) > 0 || !c.HasParent() {
				t.Errorf("%s says %q, which is no command", page, "ostiary"+found[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("%d commands were found", n)
	}
}
