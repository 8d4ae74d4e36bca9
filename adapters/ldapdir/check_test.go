package ldapdir_test

import (
	"net"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
	"github.com/ostiary/ostiary/test/fixtures/testca"
)

// text puts the steps into one text, for a look at what it says.
func text(steps []domain.CheckStep) string {
	var b strings.Builder
	for _, s := range steps {
		b.WriteString(map[bool]string{true: "ok   ", false: "FAIL "}[s.OK] + s.Name + ": " + s.Detail + "\n")
		if s.Advice != "" {
			b.WriteString("     -> " + s.Advice + "\n")
		}
	}
	return b.String()
}

func TestCheckOfAHealthyDirectory(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind     string
		settings tree
		want     []string
	}{
		"OpenLDAP": {ldapdir.TypeLDAP, openLDAP(sharedSlapd(t)).with(tree{
			"roles": []tree{{"group": "eng", "role": "operator"}},
		}), []string{
			`TLS 1.3, certificate "localhost" by "fixture CA"`, "bound as " + openldap.AdminDN, "found below " + openldap.Base,
			`username "alice", email "alice@example.org", full name "Alice Archer", enabled`, "groups: 5: ", `role "operator"`,
			"locks after 3 wrong passwords for 3s; at least 8 characters, history of 3, passwords expire after 90 days",
		}},
		"Active Directory": {ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t)), []string{
			`certificate "dc1.ad.example.org"`, "bound as " + samba.ServiceDN, `username "alice"`, "groups: 6: ",
			"locks after 3 wrong passwords for 4s; at least 8 characters, history of 3",
		}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := text(mustOpen(t, tt.kind, tt.settings).Check(t.Context(), "alice"))
			if strings.Contains(got, "FAIL") {
				t.Error("a step failed")
			}
			for _, want := range tt.want {
				if !strings.Contains(got, want) {
					t.Errorf("it does not say %q", want)
				}
			}
			if t.Failed() {
				t.Log("\n" + got)
			}
		})
	}
}

func TestCheckReportsRemedies(t *testing.T) {
	t.Parallel()
	slapd, ad := sharedSlapd(t), sharedSamba(t)
	strict := openldap.Start(t, openldap.Options{RequireTLS: true})
	other, err := testca.New(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	tests := map[string]struct {
		kind     string
		settings tree
		sample   string
		want     string
	}{
		"nothing listens": {
			ldapdir.TypeLDAP,
			openLDAP(slapd).with(tree{"urls": []string{"ldaps://" + closed.Addr().String()}}), "", "Nothing listens there",
		},
		"an unknown host": {
			ldapdir.TypeLDAP,
			openLDAP(slapd).with(tree{"urls": []string{"ldaps://nowhere.invalid"}}), "", "does not resolve",
		},
		"another authority": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"ca_file": other.CA}), "",
			"authority that is not trusted",
		},
		"another name": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"server_name": "x.example.org"}), "",
			"The certificate is for localhost",
		},
		"TLS on the plain port": {
			ldapdir.TypeLDAP,
			openLDAP(slapd).with(tree{"urls": []string{strings.Replace(slapd.URL, "ldap:", "ldaps:", 1)}}), "",
			"does not speak TLS on this port",
		},
		"plain text, not taken": {ldapdir.TypeLDAP, openLDAP(strict).with(tree{
			"urls":            []string{strict.URL},
			"allow_plaintext": true,
		}), "", "encrypted connections only"},
		"plain text, not taken, AD": {
			ldapdir.TypeActiveDirectory,
			activeDirectory(ad).with(tree{"urls": []string{ad.URL}, "allow_plaintext": true}), "", "encrypted connections only",
		},
		"a wrong account": {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{
			"bind_password": "wrong",
			"bind_dn":       "cn=nobody," + openldap.Base,
		}), "", "Look at bind_dn"},
		"an account that must change": {
			ldapdir.TypeActiveDirectory, activeDirectory(ad).with(tree{"bind_dn": "mustchange@" + samba.Realm}), "",
			"must change",
		},
		"a wrong base": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"base_dn": "dc=wrong,dc=org"}), "",
			"The server's own bases are: " + openldap.Base,
		},
		"a wrong filter": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"user_filter": "(objectClass=account)"}), "",
			"no entry matches",
		},
		"a subject that none has": {
			ldapdir.TypeLDAP,
			openLDAP(slapd).with(tree{"attributes": tree{"subject": "ipaUniqueID"}}), "", "Look at attributes.subject",
		},
		"an unknown sample":       {ldapdir.TypeLDAP, openLDAP(slapd), "nobody", "look at login_attributes"},
		"a sample that is two":    {ldapdir.TypeLDAP, openLDAP(slapd), "twin", "must be one person's"},
		"a sample that cannot be": {ldapdir.TypeLDAP, openLDAP(slapd), " ", "Give a login name"},
		"no username": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"attributes": tree{"username": "street"}}),
			"alice", "choose another attributes.username",
		},
		"no address": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"attributes": tree{"email": "street"}}), "alice",
			"There is no e-mail address",
		},
		"no policy": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"password_policy_dn": ""}), "",
			"set password_policy_dn",
		},
		"no encryption": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"urls": []string{slapd.URL}, "allow_plaintext": true}),
			"", "in the clear",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := text(mustOpen(t, tt.kind, tt.settings).Check(t.Context(), tt.sample))
			if !strings.Contains(got, tt.want) {
				t.Errorf("it does not say %q:\n%s", tt.want, got)
			}
			if strings.Contains(got, openldap.Password) {
				t.Error("it shows the password")
			}
		})
	}
}
