package ldapdir_test

import (
	"fmt"
	"maps"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

// shared holds the servers that tests use which change nothing, or only people of their own.
var shared struct {
	mu     sync.Mutex
	dirs   []string
	ends   []func()
	samba  *samba.Server
	sambaE error
	slapd  *openldap.Server
	slapdE error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, end := range shared.ends {
		end()
	}
	for _, dir := range shared.dirs {
		_ = os.RemoveAll(dir)
	}
	os.Exit(code)
}

func tempDir() (string, error) {
	dir, err := os.MkdirTemp("", "ldapdir")
	shared.dirs = append(shared.dirs, dir)
	return dir, err
}

// sharedSamba returns the one domain controller of this test run.
func sharedSamba(t *testing.T) *samba.Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.samba == nil && shared.sambaE == nil {
		var dir string
		if dir, shared.sambaE = tempDir(); shared.sambaE == nil {
			if shared.samba, shared.sambaE = samba.Run(dir, samba.Options{}); shared.sambaE == nil {
				shared.ends = append(shared.ends, shared.samba.Stop)
			}
		}
	}
	if shared.sambaE != nil {
		t.Fatal(shared.sambaE)
	}
	return shared.samba
}

// sharedSlapd returns the one slapd for tests that change nothing.
func sharedSlapd(t *testing.T) *openldap.Server {
	t.Helper()
	shared.mu.Lock()
	defer shared.mu.Unlock()
	if shared.slapd == nil && shared.slapdE == nil {
		var dir string
		if dir, shared.slapdE = tempDir(); shared.slapdE == nil {
			if shared.slapd, shared.slapdE = openldap.Run(dir, openldap.Options{Users: 50}); shared.slapdE == nil {
				shared.ends = append(shared.ends, shared.slapd.Stop)
			}
		}
	}
	if shared.slapdE != nil {
		t.Fatal(shared.slapdE)
	}
	return shared.slapd
}

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// tree is a directory's settings as a configuration file has them.
type tree map[string]any

func (c tree) with(more tree) tree {
	all := tree{}
	for _, from := range []tree{c, more} {
		maps.Copy(all, from)
	}
	return all
}

// decode reads them as the product does.
func (c tree) decode(into any) error {
	return config.Directory{ID: "corp", Settings: plain(c)}.Decode(into)
}

// plain returns what a YAML file would hold.
func plain(c tree) map[string]any {
	all := map[string]any{}
	for k, v := range c {
		switch v := v.(type) {
		case tree:
			all[k] = plain(v)
		case []tree:
			list := []any{}
			for _, item := range v {
				list = append(list, plain(item))
			}
			all[k] = list
		case []string:
			list := []any{}
			for _, item := range v {
				list = append(list, item)
			}
			all[k] = list
		default:
			all[k] = v
		}
	}
	return all
}

// patient are limits for tests that wait for nothing to fail: the machine may be busy with many of them.
var patient = tree{"connect": "4m", "request": "5m", "operation": "10m"}

func openLDAP(s *openldap.Server) tree {
	return tree{
		"urls": []string{s.TLSURL}, "ca_file": s.CAFile, "bind_dn": openldap.AdminDN, "bind_password": openldap.Password,
		"base_dn": openldap.Base, "password_policy_dn": openldap.PolicyDN, "passwords": "reset", "timeouts": patient,
		"disabled": tree{"attribute": "employeeType", "values": []string{"inactive"}},
	}
}

func activeDirectory(s *samba.Server) tree {
	return tree{
		"urls": []string{s.TLSURL}, "ca_file": s.CAFile, "bind_dn": samba.ServiceDN, "bind_password": samba.Password,
		"base_dn": samba.Base, "passwords": "reset", "timeouts": patient, "suffixes": []string{samba.Realm, samba.Domain},
	}
}

// directory is everything that a directory with a service account does.
type directory interface {
	ports.PasswordVerifier
	ports.PasswordChanger
	ports.PasswordSetter
	ports.Lookup
	ports.Lister
	ports.Checker
	ports.LockoutReader
}

func open(kind string, settings tree) (ports.Directory, error) {
	for _, f := range ldapdir.Factories(wallClock{}) {
		if f.Type == kind {
			return f.Open("corp", settings.decode)
		}
	}
	return nil, fmt.Errorf("no type %s", kind)
}

func mustOpen(t *testing.T, kind string, settings tree) directory {
	t.Helper()
	d, err := open(kind, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(t.Context()) })
	full, ok := d.(directory)
	if !ok {
		t.Fatalf("%T lacks an ability", d)
	}
	return full
}

func verify(t *testing.T, d ports.PasswordVerifier, name, password string) domain.PasswordCheck {
	t.Helper()
	check, err := d.VerifyPassword(t.Context(), ports.Login{Name: name, Password: password})
	if err != nil {
		t.Fatalf("checking the password of %q: %v", name, err)
	}
	return check
}

func find(t *testing.T, d ports.Lookup, name string) domain.Identity {
	t.Helper()
	id, err := d.FindName(t.Context(), name)
	if err != nil {
		t.Fatalf("looking up %q: %v", name, err)
	}
	return id
}

// limited is what a directory without a service account does.
type limited interface {
	ports.PasswordVerifier
	ports.PasswordChanger
	ports.Checker
}

func mustOpenLimited(t *testing.T, kind string, settings tree) limited {
	t.Helper()
	d, err := open(kind, settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(t.Context()) })
	l, ok := d.(limited)
	if !ok {
		t.Fatalf("%T lacks an ability", d)
	}
	return l
}
