package arch

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// MaxLines is the maximum length of a source file.
const MaxLines = 500

// Breach is one violation of a rule.
type Breach struct {
	File string
	Line int
	Rule string
}

// String returns the breach in the form of a compiler's message.
func (b Breach) String() string { return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Rule) }

// CheckTree checks all Go files of a tree. It returns the number of files and the violations, and skips the folders
// that Go ignores.
func CheckTree(tree fs.FS) (files int, breaches []Breach, err error) {
	err = fs.WalkDir(tree, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if ignored(entry.Name()) && name != "." {
				return fs.SkipDir
			}
			return nil
		}
		if path.Ext(name) != ".go" {
			return nil
		}
		source, err := fs.ReadFile(tree, name)
		if err != nil {
			return err
		}
		files++
		found, err := CheckFile(name, source)
		breaches = append(breaches, found...)
		return err
	})
	return files, breaches, err
}

func ignored(folder string) bool {
	return folder == "testdata" || folder == "node_modules" || strings.HasPrefix(folder, ".") ||
		strings.HasPrefix(folder, "_")
}

// CheckFile checks one file. Its name is the path inside the module.
func CheckFile(name string, source []byte) ([]Breach, error) {
	positions := token.NewFileSet()
	file, err := parser.ParseFile(positions, name, source, parser.ParseComments)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	c := checker{name: name, dir: path.Dir(name), file: file, positions: positions}
	c.length(source)
	c.columns(source)
	if !strings.HasSuffix(name, "_test.go") {
		c.imports()
		c.inits()
		c.clock()
		c.wire(source)
	}
	return c.breaches, nil
}

type checker struct {
	name, dir string
	file      *ast.File
	positions *token.FileSet
	breaches  []Breach
}

func (c *checker) report(at token.Pos, format string, args ...any) {
	c.breaches = append(c.breaches, Breach{c.name, c.positions.Position(at).Line, fmt.Sprintf(format, args...)})
}

func (c *checker) length(source []byte) {
	if lines := bytes.Count(source, []byte("\n")); lines > MaxLines && !ast.IsGenerated(c.file) {
		c.report(c.file.End(), "a file of %d lines, more than %d", lines, MaxLines)
	}
}

func (c *checker) imports() {
	layer, ok := layerOf(c.dir)
	if !ok {
		c.report(c.file.Package, "the folder %s is in no layer of the architecture", c.dir)
		return
	}
	for _, spec := range c.file.Imports {
		imported, err := strconv.Unquote(spec.Path.Value)
		switch {
		case err != nil:
			c.report(spec.Pos(), "the import path is not a string")
		case !layer.allows(c.dir, imported):
			c.report(spec.Pos(), "%s does not import %s", layer.name, imported)
		case inCore(c.dir) && !allowsFormat(c.name, imported):
			c.report(spec.Pos(), "the core knows no format, and imports %s without a listed reason", imported)
		case spec.Name != nil && spec.Name.Name == "_" && under(imported, Module):
			c.report(spec.Pos(), "a blank import of our own: packages do not register themselves")
		case under(imported, "testing") && !under(c.dir, "test"):
			c.report(spec.Pos(), "only tests import test code")
		case isTemplate(imported) && !under(c.dir, "test"):
			c.report(spec.Pos(), "%s calls methods by name, so the linker keeps every exported method: a fifth of the binary",
				imported)
		}
	}
}

func isTemplate(imported string) bool {
	return imported == "text/template" || imported == "html/template"
}

// inits reports init functions. They run on import and lead to hidden registries.
func (c *checker) inits() {
	for _, decl := range c.file.Decls {
		if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && f.Name.Name == "init" && !ast.IsGenerated(c.file) {
			c.report(f.Pos(), "an init function: do it where the package is wired")
		}
	}
}

// clock reports core code that reads the time without ports.Clock.
func (c *checker) clock() {
	if !inCore(c.dir) {
		return
	}
	clocks := []string{"Now", "Since", "Until", "Sleep"}
	ast.Inspect(c.file, func(node ast.Node) bool {
		selector, ok := node.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if pkg, ok := selector.X.(*ast.Ident); ok && pkg.Name == "time" && slices.Contains(clocks, selector.Sel.Name) {
			c.report(node.Pos(), "time.%s in the core: the time comes from ports.Clock", selector.Sel.Name)
		}
		return true
	})
}
