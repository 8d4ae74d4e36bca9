package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"ostiary": main})
}

// TestScripts runs the scripts in testdata/script, which use the command line as an operator does.
func TestScripts(t *testing.T) {
	t.Parallel()
	server := mongod.Shared(t)
	database, err := url.Parse(server.URI())
	if err != nil {
		t.Fatal(err)
	}
	database.Path = "/" + server.NewDatabase(t)
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("DATABASE", database.String())
			env.Setenv("DATABASE_NAME", strings.TrimPrefix(database.Path, "/"))
			return errors.Join(setEnvironment(env), deployed(env.WorkDir))
		},
		Cmds: commands,
	})
}

// TestCommands runs the scripts in testdata/commands beside a server and without one.
func TestCommands(t *testing.T) {
	t.Parallel()
	besideAndWithout(t, testscript.Params{Dir: "testdata/commands", Setup: setEnvironment})
}

// besideAndWithout runs scripts twice: beside a running server, where the condition "server" holds, and with the
// services in the process of each command.
func besideAndWithout(t *testing.T, scripts testscript.Params) {
	t.Helper()
	scripts.Cmds = commands
	for name, server := range map[string]bool{"beside a server": true, "without a server": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			scripts := scripts
			scripts.Condition = func(string) (bool, error) { return server, nil }
			testscript.Run(t, scripts)
		})
	}
}

var commands = map[string]func(*testscript.TestScript, bool, []string){
	"exits": exits, "ready": ready, "status": status, "revoke": revoke, "userid": userID, "digest": digest,
}

func setEnvironment(env *testscript.Env) error {
	address, err := freeAddress()
	env.Setenv("OSTIARY_HTTP_ADDRESS", address)
	env.Setenv("OSTIARY_METRICS_ADDRESS", "off")
	env.Setenv("HOME", env.WorkDir)
	return err
}

// deployed copies the configurations under deploy into dir, which also has their CA certificate.
func deployed(dir string) error {
	for _, name := range []string{"compose", "kubernetes"} {
		text, err := os.ReadFile(filepath.Join("..", "..", "deploy", name, "ostiary.yaml"))
		if err != nil {
			return err
		}
		here := strings.ReplaceAll(string(text), "/secrets/tls", dir)
		if err := os.WriteFile(filepath.Join(dir, name+".yaml"), []byte(here), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func freeAddress() (string, error) {
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// exits runs a command and checks its exit code: "exits 3 ostiary config check".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code program args...")
	}
	if code := exitCode(ts.Exec(args[1], args[2:]...)); code != args[0] {
		ts.Fatalf("exit code %s, want %s", code, args[0])
	}
}

func exitCode(err error) string {
	var exit *exec.ExitError
	switch {
	case err == nil:
		return "0"
	case errors.As(err, &exit):
		return strconv.Itoa(exit.ExitCode())
	default:
		return err.Error()
	}
}

// ready waits until the server that the script has started is ready.
func ready(ts *testscript.TestScript, _ bool, _ []string) {
	url := "http://" + ts.Getenv("OSTIARY_HTTP_ADDRESS") + "/readyz"
	client := http.Client{Timeout: time.Second}
	deadline := time.Now().Add(time.Minute)
	for time.Now().Before(deadline) {
		answer, err := client.Get(url)
		if err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		time.Sleep(20 * time.Millisecond)
	}
	ts.Fatalf("%s is not ready", url)
}

// status checks the status code of a path: "status 404 /docs".
func status(ts *testscript.TestScript, _ bool, args []string) {
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Get("http://" + ts.Getenv("OSTIARY_HTTP_ADDRESS") + args[1])
	ts.Check(err)
	ts.Check(answer.Body.Close())
	if code := strconv.Itoa(answer.StatusCode); code != args[0] {
		ts.Fatalf("GET %s: status %s, want %s", args[1], code, args[0])
	}
}

// revoke revokes the first third-party token that "tpt list --json" has printed.
func revoke(ts *testscript.TestScript, _ bool, _ []string) {
	var list []struct {
		ID string `json:"token_id"`
	}
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &list))
	ts.Check(ts.Exec("ostiary", "tpt", "revoke", list[0].ID))
}

// userID sets $USER_ID to the id of the user that the last command printed.
func userID(ts *testscript.TestScript, _ bool, _ []string) {
	for word := range strings.FieldsSeq(ts.ReadFile("stdout")) {
		if strings.HasPrefix(word, "usr_") {
			ts.Setenv("USER_ID", word)
			return
		}
	}
	ts.Fatalf("no user id was printed")
}

func TestPrintableKeepsTerminalsSafe(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[2Jb\u202ec\td\u009b"); got != "a\uFFFD[2Jb\uFFFDc\td\uFFFD" {
		t.Errorf("got %q", got)
	}
}

// TestEveryCommandHasHelp checks that every command has a short description and an example.
func TestEveryCommandHasHelp(t *testing.T) {
	t.Parallel()
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			visit(sub)
		}
		if c.HasSubCommands() || c.Name() == "help" {
			return
		}
		if c.Short == "" || !strings.Contains(c.Example, c.CommandPath()) && c.Name() != "health" {
			t.Errorf("%s: %q, for example %q", c.CommandPath(), c.Short, c.Example)
		}
	}
	visit((&app{}).root())
	for path := range examples {
		if c, _, err := (&app{}).root().Find(strings.Fields(path)); err != nil || c.CommandPath() != "ostiary "+path {
			t.Errorf("there is an example for %q, which is not a command", path)
		}
	}
}

// TestPasswordFromWindowsPipe checks that a password is read without the byte order mark and the line break of a pipe.
func TestPasswordFromWindowsPipe(t *testing.T) {
	t.Parallel()
	a := &app{in: strings.NewReader("\ufeff first \r\nsecond\n")}
	for _, want := range []string{" first ", "second"} {
		if got, err := a.readLine("Password"); err != nil || got != want {
			t.Errorf("got %q, %v; want %q", got, err, want)
		}
	}
}
