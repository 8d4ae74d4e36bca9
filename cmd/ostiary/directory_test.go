package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/ostiary/ostiary/test/fixtures/openldap"
)

// TestDirectoryScripts runs the scripts in testdata/directory as TestCommands does, against a real slapd. corp.yaml has
// the configuration.
func TestDirectoryScripts(t *testing.T) {
	t.Parallel()
	besideAndWithout(t, testscript.Params{Dir: "testdata/directory", Setup: setDirectory})
}

func setDirectory(env *testscript.Env) error {
	dir := filepath.Join(env.WorkDir, ".slapd")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	slapd, err := openldap.Run(dir, openldap.Options{Users: 200})
	if err != nil {
		return err
	}
	env.Defer(slapd.Stop)
	if err := setEnvironment(env); err != nil {
		return err
	}
	env.Setenv("PASSWORD", openldap.Password)
	env.Setenv("OSTIARY_DIRECTORIES_CORP_BIND_PASSWORD", openldap.Password)
	settings := fmt.Sprintf(`directories:
  - {id: local, type: builtin}
  - id: corp
    type: ldap
    urls: [%s]
    ca_file: %s
    bind_dn: %s
    base_dn: %s
    password_policy_dn: %s
    passwords: reset
    disabled: {attribute: employeeType, values: [inactive]}
    roles:
      - {group: %q, role: operator}
`, slapd.TLSURL, slapd.CAFile, openldap.AdminDN, openldap.Base, openldap.PolicyDN, openldap.GroupDN("eng"))
	return os.WriteFile(filepath.Join(env.WorkDir, "corp.yaml"), []byte(settings), 0o600)
}

// digest sets $DIGEST to the digest that the last command printed.
func digest(ts *testscript.TestScript, _ bool, _ []string) {
	_, after, found := strings.Cut(ts.ReadFile("stdout"), "--plan ")
	if fields := strings.Fields(after); found && len(fields) > 0 {
		ts.Setenv("DIGEST", fields[0])
		return
	}
	ts.Fatalf("no digest was printed")
}
