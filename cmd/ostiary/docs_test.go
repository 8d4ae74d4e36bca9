package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// inCode matches a command in a code block or between backticks of a page.
var inCode = regexp.MustCompile("(?m)(?:^|`|\\| |\\./|bin/|cmd/)ostiary((?: [a-z][a-z-]+)+)")

var proofPrefix = regexp.MustCompile("ostiary audit (checkpoint|export) v1")

// TestDocsNameCommandsThatExist checks that every command that a page of the documentation contains exists.
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
		// The first line of a signed statement is not a command.
		typed := proofPrefix.ReplaceAllString(string(text), "")
		for _, found := range inCode.FindAllStringSubmatch(typed, -1) {
			n++
			words := strings.Fields(found[1])
			c, rest, err := (&app{}).root().Find(words)
			if err != nil || c.HasSubCommands() && len(rest) > 0 || !c.HasParent() {
				t.Errorf("%s has %q, which is not a command", page, "ostiary"+found[1])
			}
		}
	}
	if n < 20 {
		t.Errorf("found %d commands, want at least 20", n)
	}
}
