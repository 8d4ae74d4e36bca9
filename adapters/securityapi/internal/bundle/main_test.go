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
	if !bytes.Equal(want, unpacked(t, "../../openapi.gen.json.gz")) {
		t.Error("openapi.gen.json.gz is not openapi.gen.json: run go generate ./adapters/securityapi")
	}
}

func TestTheJSONOfTheUsersDocumentIsFresh(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "openapi.json.gz")
	if err := run([]string{"-json", "../../../usersapi/openapi.yaml", file}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(unpacked(t, file), unpacked(t, "../../../usersapi/openapi.gen.json.gz")) {
		t.Error("openapi.gen.json.gz is not what openapi.yaml says: run go generate ./adapters/usersapi")
	}
}

func unpacked(t *testing.T, file string) []byte {
	t.Helper()
	packed, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return raw
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
