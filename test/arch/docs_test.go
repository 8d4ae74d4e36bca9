package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/config"
)

const root = "../.."

// pages returns the text of every page of the documentation by path.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatal("no pages were found", err)
	}
	all := map[string]string{}
	for _, name := range append(names, root+"/README.md", root+"/SECURITY.md", root+"/CONTRIBUTING.md") {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = string(text)
	}
	return all
}

// testNames returns the names of all tests, benchmarks and fuzz targets.
func testNames(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names = append(names, f.Name.Name)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

var (
	named   = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*…?`)
	linked  = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	inTicks = regexp.MustCompile("`([a-z_]+(?:\\.[a-z0-9_]+)+)`")
	permit  = regexp.MustCompile(`\.(read|manage|export|introspect)$`)
)

// TestDocsNameTestsThatExist checks that every test that a page names exists. A name that ends with … matches as a
// prefix.
func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	all := testNames(t)
	for page, text := range pages(t) {
		for _, name := range named.FindAllString(text, -1) {
			prefix, open := strings.CutSuffix(name, "…")
			found := slices.ContainsFunc(all, func(test string) bool {
				return test == prefix || open && strings.HasPrefix(test, prefix)
			})
			if !found {
				t.Errorf("%s names %s, which does not exist", page, name)
			}
		}
	}
}

// TestDocsLinksLead checks that every relative link of the documentation leads to a file of the repository.
func TestDocsLinksLead(t *testing.T) {
	t.Parallel()
	for page, text := range pages(t) {
		for _, link := range linked.FindAllStringSubmatch(text, -1) {
			if _, err := os.Stat(filepath.Join(filepath.Dir(page), link[1])); err != nil {
				t.Errorf("%s: %v", page, err)
			}
		}
	}
}

// TestDocsNameKeysThatExist checks that every configuration key that a page names exists.
func TestDocsNameKeysThatExist(t *testing.T) {
	t.Parallel()
	keys, sections := map[string]bool{}, map[string]bool{}
	for _, k := range config.Keys() {
		keys[k.Path] = true
		if k.Secret {
			keys[k.Path+"_file"] = true
		}
		for at, c := range k.Path {
			if c == '.' {
				keys[k.Path[:at]] = true
			}
		}
		section, _, _ := strings.Cut(k.Path, ".")
		sections[section] = true
	}
	for page, text := range pages(t) {
		for _, found := range inTicks.FindAllStringSubmatch(text, -1) {
			section, _, _ := strings.Cut(found[1], ".")
			if sections[section] && !keys[found[1]] && !permit.MatchString(found[1]) {
				t.Errorf("%s names the configuration key %s, which does not exist", page, found[1])
			}
		}
	}
}
