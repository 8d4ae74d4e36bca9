package clients_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/test/kit"
)

// answered is what the program of each language prints after its calls.
const answered = "ada true true admin"

// The documents are generated with the default options of each tool, compiled, and used for calls to both APIs.

func TestGoClientsOfTheDocumentsCompileAndCall(t *testing.T) {
	t.Parallel()
	_, root := serve(t, kit.Options{})
	folder := workFolder(t, "testdata/go")
	documents(t, folder)
	for name, document := range map[string]string{"security": "security.json", "users": "users.yaml"} {
		must(t, os.Mkdir(filepath.Join(folder, name), 0o700))
		run(t, folder, nil, "go", "tool", "oapi-codegen", "-package", name, "-o", name+"/client.go", document)
	}
	if got := run(t, folder, nil, "go", "run", ".", root, adminName, adminPassword); got != answered {
		t.Errorf("the program printed %q", got)
	}
}

func TestTypeScriptClientsOfTheDocumentsCompileAndCall(t *testing.T) {
	t.Parallel()
	_, root := serve(t, kit.Options{})
	folder := workFolder(t, "testdata/typescript")
	documents(t, folder)
	modules(t, folder)
	must(t, os.WriteFile(filepath.Join(folder, "package.json"), []byte(`{"type":"module"}`), 0o600))
	for name, document := range map[string]string{"security.ts": "security.json", "users.ts": "users.yaml"} {
		run(t, folder, nil, "node_modules/.bin/openapi-typescript", document, "-o", name)
	}
	run(t, folder, nil, "node_modules/.bin/tsc", "--strict", "--target", "es2022", "--module", "nodenext",
		"--skipLibCheck", "call.ts")
	if got := run(t, folder, nil, "node", "call.js", root, adminName, adminPassword); got != answered {
		t.Errorf("the program printed %q", got)
	}
}

func TestPythonClientsOfTheDocumentsImportAndCall(t *testing.T) {
	t.Parallel()
	_, root := serve(t, kit.Options{})
	folder := workFolder(t, "testdata/python")
	documents(t, folder)
	bin := fixture(t, "python", "venv", "bin")
	path := []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")}
	packages := make([]string, 0, 2)
	for name, document := range map[string]string{"security": "security.json", "users": "users.yaml"} {
		run(t, folder, path, filepath.Join(bin, "openapi-python-client"), "generate", "--path", document, "--output-path",
			name)
		packages = append(packages, filepath.Join(folder, name))
	}
	search := []string{"PYTHONPATH=" + strings.Join(packages, string(os.PathListSeparator))}
	if got := run(t, folder, search, filepath.Join(bin, "python"), "call.py", root, adminName,
		adminPassword); got != answered {
		t.Errorf("the program printed %q", got)
	}
}
