package ldapdir_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// valid are settings without a mistake.
func valid() tree {
	return tree{
		"urls": []string{"ldaps://ldap.example.org"}, "bind_dn": "cn=svc,dc=example,dc=org",
		"bind_password": "secret", "base_dn": "dc=example,dc=org",
	}
}

func TestSettingsMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := open(ldapdir.TypeLDAP, tree{
		"urls":               []string{"ldap://ldap.example.org", "http://x", "ldaps://h/dc=example", "ldap://127.0.0.1"},
		"ca_file":            "/nowhere/ca.pem",
		"bind_password":      "secret",
		"base_dn":            "not a dn",
		"user_filter":        "(uid=",
		"login_attributes":   []string{"u id"},
		"attributes":         tree{"subject": "uid", "username": ""},
		"groups":             tree{"mode": "in_chain", "member_value": "name"},
		"roles":              []tree{{"group": "", "role": "admin"}, {"group": "x", "role": "No Role"}},
		"default_role":       "sudo",
		"group_mapping":      []tree{{"group": "x", "to": "!"}},
		"suffixes":           []string{"@example.org"},
		"passwords":          "all",
		"disabled":           tree{"attribute": "nsAccountLock"},
		"timeouts":           tree{"connect": "0s"},
		"pool":               tree{"size": 0},
		"breaker":            tree{"failures": -1},
		"page_size":          5000,
		"password_policy_dn": "cn",
	})
	keys := keysOf(err)
	want := []string{
		"urls[0]", "urls[1]", "urls[2]", "urls[3]", "ca_file", "bind_dn", "passwords", "base_dn", "password_policy_dn",
		"user_filter",
		"attributes.subject", "attributes.username", "login_attributes[0]", "disabled.values", "groups.mode",
		"groups.member_value",
		"roles[0].group", "roles[0].role", "roles[1].role", "default_role", "group_mapping[0].to", "suffixes[0]",
		"timeouts.connect",
		"pool.size", "breaker.failures", "page_size",
	}
	less := func(keys []string) map[string]bool {
		m := map[string]bool{}
		for _, k := range keys {
			m[k] = true
		}
		return m
	}
	if diff := cmp.Diff(less(want), less(keys)); diff != "" {
		t.Errorf("the keys (-want +got)\n%s", diff)
	}
	if strings.Contains(err.Error(), "secret") {
		t.Error("the error shows the password")
	}
}

// keysOf returns the keys that an error names.
func keysOf(err error) []string {
	var keys []string
	if err != nil {
		for _, d := range fault.Of(err).Details() {
			keys = append(keys, d.Field)
		}
	}
	return keys
}

func TestSettings(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("from a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		kind   string
		change tree
		want   string // the key that is wrong; empty for none
	}{
		"the least":                      {ldapdir.TypeLDAP, tree{}, ""},
		"the least for Active Directory": {ldapdir.TypeActiveDirectory, tree{}, ""},
		"StartTLS": {
			ldapdir.TypeLDAP,
			tree{"urls": []string{"ldap://ldap.example.org:1389"}, "starttls": true},
			"",
		},
		"D04: plain text to another machine": {
			ldapdir.TypeLDAP,
			tree{"urls": []string{"ldap://ldap.example.org"}, "allow_plaintext": true},
			"urls[0]",
		},
		"D04: plain text to loopback, not allowed": {ldapdir.TypeLDAP, tree{"urls": []string{"ldap://localhost"}}, "urls[0]"},
		"D04: plain text to loopback, allowed": {
			ldapdir.TypeLDAP,
			tree{"urls": []string{"ldap://127.0.0.1", "ldap://[::1]:1", "ldap://localhost"}, "allow_plaintext": true},
			"",
		},
		"D04: a name that begins like a loopback": {
			ldapdir.TypeLDAP,
			tree{"urls": []string{"ldap://localhost.example.org"}, "allow_plaintext": true},
			"urls[0]",
		},
		"a password file": {
			ldapdir.TypeLDAP,
			tree{"bind_password": "", "bind_password_file": secret},
			"",
		},
		"a password file that is not there": {
			ldapdir.TypeLDAP,
			tree{"bind_password": "", "bind_password_file": secret + "x"},
			"bind_password_file",
		},
		"a password and a password file": {
			ldapdir.TypeLDAP,
			tree{"bind_password_file": secret},
			"bind_password_file",
		},
		"no password":                     {ldapdir.TypeLDAP, tree{"bind_password": ""}, "bind_password"},
		"neither account nor direct bind": {ldapdir.TypeLDAP, tree{"bind_dn": "", "bind_password": ""}, "bind_dn"},
		"account and direct bind": {
			ldapdir.TypeLDAP,
			tree{"direct_bind": []string{"{login}"}},
			"direct_bind",
		},
		"direct bind without a place for the name": {
			ldapdir.TypeLDAP,
			tree{"bind_dn": "", "bind_password": "", "direct_bind": []string{"%s"}},
			"direct_bind[0]",
		},
		"D14: an administrator without the switch": {
			ldapdir.TypeLDAP,
			tree{"roles": []tree{{"group": "x", "role": "admin"}}},
			"roles[0].role",
		},
		"D14: an administrator with it": {
			ldapdir.TypeLDAP,
			tree{"roles": []tree{{"group": "x", "role": "admin"}}, "allow_admin": true},
			"",
		},
		"rules and no groups": {
			ldapdir.TypeLDAP,
			tree{"roles": []tree{{"group": "x", "role": "guest"}}, "groups": tree{"mode": "none"}},
			"groups.mode",
		},
		"in_chain on Active Directory": {
			ldapdir.TypeActiveDirectory,
			tree{"groups": tree{"mode": "in_chain"}},
			"",
		},
		"reset without an account": {
			ldapdir.TypeActiveDirectory,
			tree{"bind_dn": "", "bind_password": "", "direct_bind": []string{"{login}"}, "passwords": "reset"},
			"passwords",
		},
		"D06: a subject that is given to the next": {
			ldapdir.TypeActiveDirectory,
			tree{"attributes": tree{"subject": "sAMAccountName"}},
			"attributes.subject",
		},
		"a login and a password in the URL": {
			ldapdir.TypeLDAP,
			tree{"urls": []string{"ldaps://cn=x:secret@ldap.example.org"}},
			"urls[0]",
		},
		"a duration in words": {ldapdir.TypeLDAP, tree{"timeouts": tree{"connect": "1500ms"}}, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := open(tt.kind, valid().with(tt.change))
			if d != nil {
				defer d.Close(t.Context())
			}
			if got := strings.Join(keysOf(err), " "); got != tt.want {
				t.Errorf("wrong are %q, want %q: %v", got, tt.want, err)
			}
		})
	}
	t.Run("an unknown key", func(t *testing.T) {
		t.Parallel()
		if _, err := open(ldapdir.TypeLDAP, valid().with(tree{"bind_passwort": "x"})); err == nil {
			t.Error("it was taken")
		}
	})
}

func TestAbilitiesFollowTheSettings(t *testing.T) {
	t.Parallel()
	direct := tree{"bind_dn": "", "bind_password": "", "direct_bind": []string{"{login}"}}
	tests := map[string]struct {
		change                       tree
		change1, set, look, listsAll bool
	}{
		"by default":                       {tree{}, true, false, true, true},
		"with reset":                       {tree{"passwords": "reset"}, true, true, true, true},
		"without passwords":                {tree{"passwords": "none"}, false, false, true, true},
		"without an account":               {direct, true, false, false, false},
		"without an account and passwords": {direct.with(tree{"passwords": "none"}), false, false, false, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d, err := open(ldapdir.TypeActiveDirectory, valid().with(tt.change))
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close(t.Context())
			_, verifies := d.(ports.PasswordVerifier)
			_, changes := d.(ports.PasswordChanger)
			_, sets := d.(ports.PasswordSetter)
			_, lookups := d.(ports.Lookup)
			_, lists := d.(ports.Lister)
			if diff := cmp.Diff([]bool{true, tt.change1, tt.set, tt.look, tt.listsAll},
				[]bool{verifies, changes, sets, lookups, lists}); diff != "" {
				t.Error(diff)
			}
		})
	}
}
