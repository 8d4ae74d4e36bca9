package clients_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/test/kit"
)

const library = repository + "/clients/typescript"

func TestTypesOfTheTypeScriptLibraryAreThoseOfTheDocument(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	documents(t, folder)
	modules(t, folder)
	run(t, folder, nil, "node_modules/.bin/openapi-typescript", "security.json", "-o", "schema.gen.ts")
	want, err := os.ReadFile(filepath.Join(folder, "schema.gen.ts"))
	must(t, err)
	have, err := os.ReadFile(filepath.Join(library, "src", "schema.gen.ts"))
	must(t, err)
	if !bytes.Equal(want, have) {
		t.Error("schema.gen.ts is not what the document says: run npm run generate in clients/typescript")
	}
}

// TestTypeScriptLibrary compiles and packs the library and runs its tests and the examples of its README, from the
// package, against a server.
func TestTypeScriptLibrary(t *testing.T) { //nolint:tparallel // the parts share a folder and the server
	t.Parallel()
	app := install(t)
	s, root := serve(t, kit.Options{Audience: "https://id.example.com"})
	s.Register(t, "bob", adminPassword, "user")
	variables := []string{
		"OSTIARY_URL=" + root, "OSTIARY_PASSWORD=" + adminPassword, "OSTIARY_ISSUER=https://id.example.com", "PORT=0",
		"NODE_ENV=test", // Express logs no refusals
		"OSTIARY_CODE=" + secondFactor(t, s, "grace"),
	}
	t.Run("its tests pass", func(t *testing.T) {
		out := run(t, app, variables, "node", "--test", "test/client.test.mjs", "test/server.test.mjs")
		if !strings.Contains(out, "# fail 0") {
			t.Error(out)
		}
	})
	signed, _ := s.SignIn(t, "bob", adminPassword, "192.0.2.7")
	examples := examplesOf(t, filepath.Join(library, "README.md"))
	wanted := []string{"Hello ada\n", "ready\n401 200 403", "401 200 403", "That code was wrong"}
	if len(examples) != len(wanted) {
		t.Fatalf("%d examples", len(examples))
	}
	for i, example := range examples { //nolint:paralleltest // see above
		t.Run(fmt.Sprintf("example %d of the README runs as it is", i+1), func(t *testing.T) {
			name := fmt.Sprintf("example%d.mjs", i+1)
			must(t, os.WriteFile(filepath.Join(app, name), []byte(example), 0o600))
			if lines := strings.Count(example, "\n"); lines > 12 {
				t.Errorf("%d lines", lines)
			}
			out := run(t, app, variables, "node", "probe.mjs", name, signed.Tokens.Access)
			if !strings.HasPrefix(out, wanted[i]) {
				t.Errorf("it printed %q, want %q", out, wanted[i])
			}
		})
	}
}

// install packs the library, and returns a folder with its tests where the package and what the tests use is installed.
func install(t *testing.T) string {
	t.Helper()
	source := workFolder(t, library)
	modules(t, source)
	archive := lastLine(run(t, source, nil, "npm", "pack", "--silent"))
	app := t.TempDir()
	must(t, os.CopyFS(filepath.Join(app, "test"), os.DirFS(filepath.Join(source, "test"))))
	probe, err := os.ReadFile("testdata/probe.mjs")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(app, "probe.mjs"), probe, 0o600))
	scope := filepath.Join(app, "node_modules", "@ostiary")
	must(t, os.MkdirAll(scope, 0o700))
	for _, name := range []string{"express", "hono"} {
		must(t, os.Symlink(fixture(t, "node_modules", name), filepath.Join(app, "node_modules", name)))
	}
	run(t, scope, nil, "tar", "-xzf", filepath.Join(source, archive))
	must(t, os.Rename(filepath.Join(scope, "package"), filepath.Join(scope, "client")))
	checkPackage(t, filepath.Join(scope, "client"))
	return app
}

// checkPackage checks that the package is whole, and that what a page needs of it is small.
func checkPackage(t *testing.T, folder string) {
	t.Helper()
	for _, name := range []string{"README.md", "LICENSE", "dist/index.d.ts", "dist/server.js", "dist/fetch.js"} {
		if _, err := os.Stat(filepath.Join(folder, name)); err != nil {
			t.Error(err)
		}
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	must(t, err)
	for _, name := range []string{"errors", "index", "ostiary", "tokens", "transport"} {
		raw, err := os.ReadFile(filepath.Join(folder, "dist", name+".js"))
		must(t, err)
		_, err = w.Write(raw)
		must(t, err)
	}
	must(t, w.Close())
	if packed.Len() > 8<<10 {
		t.Errorf("the core has %d bytes compressed, before minification", packed.Len())
	}
	t.Logf("the core has %d bytes compressed, before minification", packed.Len())
}

// secondFactor registers a user with an authenticator app and returns the next code.
func secondFactor(t *testing.T, s *kit.Services, name string) string {
	t.Helper()
	made := s.Register(t, name, adminPassword, "user")
	_, principal := s.SignIn(t, name, adminPassword, "192.0.2.8")
	setup, err := s.Factor.Enroll(t.Context(), principal, made.ID, factor.EnrollInput{Method: domain.MethodTOTP})
	must(t, err)
	code, err := totp.GenerateCode(setup.Setup.Secret, s.Clock.Now())
	must(t, err)
	must(t, s.Factor.Activate(t.Context(), principal, made.ID, code))
	next, err := totp.GenerateCode(setup.Setup.Secret, s.Clock.Now().Add(30e9))
	must(t, err)
	return next
}

var codeBlock = regexp.MustCompile("(?s)```js\n(.*?)```")

// examplesOf returns the JavaScript of a Markdown file.
func examplesOf(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	must(t, err)
	var found []string
	for _, match := range codeBlock.FindAllStringSubmatch(string(raw), -1) {
		found = append(found, match[1])
	}
	return found
}

func lastLine(text string) string {
	lines := slices.Collect(strings.SplitSeq(text, "\n"))
	return lines[len(lines)-1]
}
