package clients_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/securityapi"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/test/kit"
)

// The administrator of every server.
const (
	adminName     = "ada"
	adminPassword = "Correct-Horse-7-Battery"
)

// repository is the root of the module, from the folder of the tests.
const repository = "../../.."

// serve starts both APIs on the embedded store and returns the services and the address of the server.
func serve(t *testing.T, options kit.Options) (services *kit.Services, root string) {
	t.Helper()
	s := kit.Start(t, options)
	s.Clock.Forward(time.Since(s.Clock.Now())) // clients compare the times with their own
	s.Register(t, adminName, adminPassword, "admin")
	apis, err := securityapi.New(s.Services, securityapi.Config{})
	must(t, err)
	apis = append(apis, usersapi.New(s.Services, usersapi.Config{Clock: s.Clock})...)
	server, err := httpserver.New(httpserver.Config{Address: "127.0.0.1:0", Clock: sysclock.Clock{}}, apis...)
	must(t, err)
	must(t, server.Open(t.Context()))
	t.Cleanup(func() { _ = server.Close(context.Background()) })
	return s, "http://" + server.Addr().String()
}

// documents writes the two documents into a folder, as security.json and users.yaml.
func documents(t *testing.T, folder string) {
	t.Helper()
	raw, err := securityapi.Document()
	must(t, err)
	must(t, os.WriteFile(filepath.Join(folder, "security.json"), raw, 0o600))
	must(t, os.WriteFile(filepath.Join(folder, "users.yaml"), usersapi.Document, 0o600))
}

// workFolder returns a temporary folder with a copy of the files of another.
func workFolder(t *testing.T, of string) string {
	t.Helper()
	folder := t.TempDir()
	must(t, os.CopyFS(folder, os.DirFS(of)))
	return folder
}

// fixture returns the absolute path of what test/fixtures/install.sh has installed.
func fixture(t *testing.T, path ...string) string {
	t.Helper()
	full, err := filepath.Abs(filepath.Join(append([]string{repository, "test", "fixtures"}, path...)...))
	must(t, err)
	if _, err := os.Stat(full); err != nil {
		t.Fatalf("%v: run test/fixtures/install.sh", err)
	}
	return full
}

// modules links the npm packages of the fixtures into a folder.
func modules(t *testing.T, folder string) {
	t.Helper()
	must(t, os.Symlink(fixture(t, "node_modules"), filepath.Join(folder, "node_modules")))
}

// run runs a program in a folder and returns its standard output. Variables of the environment are NAME=value.
func run(t *testing.T, folder string, variables []string, program string, args ...string) string {
	t.Helper()
	bin := fixture(t, "node_modules", ".bin") // a newer Node.js, where the machine's own is too old
	if path := filepath.Join(bin, program); isFile(path) {
		program = path
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	path := "PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Dir, cmd.Env = folder, slices.Concat(os.Environ(), []string{path}, variables)
	var out, notices bytes.Buffer // the go command reports downloads on its standard error
	cmd.Stdout, cmd.Stderr = &out, &notices
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", program, strings.Join(args, " "), err, &out, &notices)
	}
	return strings.TrimSpace(out.String())
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && !info.IsDir()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
