package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/config"
)

const root = "../.."

// pages returns the texts for people, by their paths.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob(root + "/docs/*.md")
	if err != nil || len(names) == 0 {
		t.Fatal("no pages", err)
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
	named    = regexp.MustCompile(`\b(?:Test|Fuzz|Benchmark)[A-Z]\w*…?`)
	linked   = regexp.MustCompile(`\]\(([^)#:]+)(?:#[^)]*)?\)`)
	inTicks  = regexp.MustCompile("`([a-z_]+(?:\\.[a-z0-9_]+)+)`")
	permit   = regexp.MustCompile(`\.(read|manage|export|introspect)$`)
	promises = regexp.MustCompile(`(?s)## The promises\n(.*?)\n## `)
)

// TestDocsNameTestsThatExist: what a page calls a proof is one. A name that ends with … stands for all that begin so.
func TestDocsNameTestsThatExist(t *testing.T) {
	t.Parallel()
	all := testNames(t)
	for page, text := range pages(t) {
		for _, name := range named.FindAllString(text, -1) {
			begin, open := strings.CutSuffix(name, "…")
			found := false
			for _, one := range all {
				found = found || one == begin || open && strings.HasPrefix(one, begin)
			}
			if !found {
				t.Errorf("%s names %s, which is no test", page, name)
			}
		}
	}
}

// TestEveryPromiseHasAProof: each paragraph of the security model's promises names the tests that would fail.
func TestEveryPromiseHasAProof(t *testing.T) {
	t.Parallel()
	found := promises.FindStringSubmatch(pages(t)[root+"/docs/security-model.md"])
	if found == nil {
		t.Fatal("the promises are gone")
	}
	n := 0
	for paragraph := range strings.SplitSeq(found[1], "\n\n") {
		if !strings.HasPrefix(strings.TrimSpace(paragraph), "**") {
			continue
		}
		n++
		_, proof, ok := strings.Cut(strings.ReplaceAll(paragraph, "\n", " "), "*Proof:*")
		if !ok || !named.MatchString(proof) {
			t.Errorf("no proof: %.80s", paragraph)
		}
	}
	if n < 10 {
		t.Errorf("%d promises were found", n)
	}
}

// TestDocsLinksLead somewhere within the repository.
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

// TestDocsNameKeysThatExist: a key of the configuration in a page is one.
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
				t.Errorf("%s names %s, which is no key", page, found[1])
			}
		}
	}
}
