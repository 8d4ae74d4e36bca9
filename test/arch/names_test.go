package arch_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	codeSpan  = regexp.MustCompile("`([^`\n]+)`")
	codeBlock = regexp.MustCompile("(?s)```\n.*?```")
	pathName  = regexp.MustCompile(`^(?:adapters|cmd|config|core|internal|modules|ports|test)(?:/[\w./-]*)?$`)
	goName    = regexp.MustCompile(`^([a-z]\w*)((?:\.[A-Z]\w*)+)$`)
	blockPath = regexp.MustCompile(`\b(?:adapters|cmd|config|core|internal|modules|ports|test)/[\w./-]*`)
)

// TestArchitectureNamesExist checks that every path, type, function and method that the page of the architecture names
// exists.
func TestArchitectureNamesExist(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(root + "/docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	declared, seen := declarations(t), 0
	for _, name := range pathsAndNames(string(text)) {
		switch {
		case pathName.MatchString(name):
			seen++
			if _, err := os.Stat(filepath.Join(root, name)); err != nil {
				t.Errorf("docs/architecture.md names the path %s, which does not exist", name)
			}
		case goName.MatchString(name):
			seen++
			if !declared[name] {
				t.Errorf("docs/architecture.md names %s, which is not declared", name)
			}
		}
	}
	if seen < 40 {
		t.Errorf("only %d names were found", seen)
	}
}

func TestDeclarationsHoldWhatThePageMayName(t *testing.T) {
	t.Parallel()
	declared := declarations(t)
	for name, want := range map[string]bool{
		"auth.Service": true, "auth.Service.Login": true, "ports.SessionStore.Begin": true, "ports.Storage.Sessions": true,
		"core.New": true, "domain.ErrAccountLocked": true, "auth.Login": false, "auth.Service.Missing": false,
	} {
		if declared[name] != want {
			t.Errorf("%s is declared: %v, want %v", name, declared[name], want)
		}
	}
}

// pathsAndNames returns the code spans of a page, and the paths in its code blocks.
func pathsAndNames(text string) []string {
	var all []string
	for _, block := range codeBlock.FindAllString(text, -1) {
		for _, name := range blockPath.FindAllString(block, -1) {
			all = append(all, strings.TrimSuffix(name, "/"))
		}
	}
	for _, span := range codeSpan.FindAllStringSubmatch(codeBlock.ReplaceAllString(text, ""), -1) {
		all = append(all, span[1])
	}
	return all
}

// declarations returns the exported names of all packages: package.Name, and package.Type.Member for methods and
// fields.
func declarations(t *testing.T) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && path.Base(filepath.ToSlash(file)) == "node_modules" {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() || !strings.HasSuffix(file, ".go") || strings.HasSuffix(file, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range parsed.Decls {
			declare(all, parsed.Name.Name, d)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func declare(all map[string]bool, pkg string, d ast.Decl) {
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil {
			all[pkg+"."+d.Name.Name] = true
			return
		}
		all[pkg+"."+receiver(d.Recv.List[0].Type)+"."+d.Name.Name] = true
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				all[pkg+"."+spec.Name.Name] = true
				for _, member := range members(spec.Type) {
					all[pkg+"."+spec.Name.Name+"."+member] = true
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					all[pkg+"."+name.Name] = true
				}
			}
		}
	}
}

// receiver returns the name of a receiver's type.
func receiver(expr ast.Expr) string {
	switch x := expr.(type) {
	case *ast.StarExpr:
		return receiver(x.X)
	case *ast.IndexExpr:
		return receiver(x.X)
	case *ast.IndexListExpr:
		return receiver(x.X)
	case *ast.Ident:
		return x.Name
	}
	return ""
}

// members returns the names of the fields of a struct and of the methods of an interface.
func members(expr ast.Expr) []string {
	var fields *ast.FieldList
	switch x := expr.(type) {
	case *ast.StructType:
		fields = x.Fields
	case *ast.InterfaceType:
		fields = x.Methods
	default:
		return nil
	}
	var names []string
	for _, f := range fields.List {
		for _, name := range f.Names {
			names = append(names, name.Name)
		}
	}
	return names
}
