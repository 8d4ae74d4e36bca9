package main

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTheBundledDocumentIsFresh(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "openapi.json")
	if err := run([]string{"../../openapi", file}); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	have, err := os.ReadFile("../../openapi.gen.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(want, have) {
		t.Error("openapi.gen.json is not what openapi/ says: run go generate ./adapters/securityapi")
	}
}

func TestTheCompressedDocumentIsFresh(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../../openapi.gen.json")
	if err != nil {
		t.Fatal(err)
	}
	packed, err := os.ReadFile("../../openapi.gen.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	have, err := io.ReadAll(reader)
	if err != nil || !bytes.Equal(want, have) {
		t.Errorf("openapi.gen.json.gz is not openapi.gen.json (%v): run go generate ./adapters/securityapi", err)
	}
}

func TestTheModelsAreFresh(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../../models.gen.sum")
	if err != nil {
		t.Fatal(err)
	}
	have, err := digestsOf([]string{
		"../../generate.go", "../../models.yaml", "../../openapi.gen.json", "../../models.gen.go",
		"../../client.yaml", "../../../../internal/securityclient/client.gen.go",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(have)); diff != "" {
		t.Errorf(
			"models.gen.go and client.gen.go are not what the document says (-as generated +as they are): run go generate "+
				"./adapters/securityapi\n%s", diff)
	}
}

func TestMergeRefusesDuplicateDefinitions(t *testing.T) {
	t.Parallel()
	into := object{"paths": object{"/a": object{"get": object{}}}}
	if err := merge(into, object{"paths": object{"/a": object{"post": object{}}, "/b": object{}}}); err != nil {
		t.Error(err)
	}
	if err := merge(into, object{"paths": object{"/a": object{"get": "other"}}}); err == nil {
		t.Error("a second definition was taken")
	}
}
