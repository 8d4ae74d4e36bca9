package ldapdir_test

import (
	"encoding/binary"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/testca"
)

func TestServerCertificateIsVerified(t *testing.T) {
	t.Parallel()
	s := openldap.Start(t, openldap.Options{RequireTLS: true})
	other, err := testca.New(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	plain := strings.Replace(s.URL, "localhost", "127.0.0.2", 1)
	tests := map[string]struct {
		change tree
		works  bool
	}{
		"its own authority":           {tree{}, true},
		"its own authority, StartTLS": {tree{"urls": []string{s.URL}, "starttls": true}, true},
		"no authority":                {tree{"ca_file": ""}, false},
		"no authority, StartTLS":      {tree{"ca_file": "", "urls": []string{s.URL}, "starttls": true}, false},
		"another authority":           {tree{"ca_file": other.CA}, false},
		"another authority, StartTLS": {tree{"ca_file": other.CA, "urls": []string{s.URL}, "starttls": true}, false},
		"another name":                {tree{"server_name": "other.example.org"}, false},
		"another name, StartTLS": {tree{
			"server_name": "other.example.org", "urls": []string{s.URL},
			"starttls": true,
		}, false},
		"an address that it is not for":       {tree{"urls": []string{plain}, "starttls": true}, false},
		"plain text where the server refuses": {tree{"urls": []string{s.URL}, "allow_plaintext": true}, false},
		"TLS on the plain port":               {tree{"urls": []string{strings.Replace(s.URL, "ldap:", "ldaps:", 1)}}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s).with(tree{"breaker": tree{"probe": "1h"}}).with(tt.change))
			outcome, err := login(t.Context(), d, openldap.Password)
			if works := err == nil && outcome == domain.OutcomeOK; works != tt.works {
				t.Errorf("it works: %v (%v, %v)", works, outcome, err)
			}
			if !tt.works && !isUnavailable(err) {
				t.Errorf("it is no outage: %v", err)
			}
		})
	}
}

func TestReferralsAreNotFollowed(t *testing.T) {
	t.Parallel()
	s := sharedSlapd(t)
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(s).with(tree{"base_dn": "ou=remote," + openldap.Base}))
	if _, err := login(t.Context(), d, openldap.Password); !isUnavailable(err) {
		t.Errorf("a login below a referral: %v", err)
	}
}

// hostile answers every request with the given bytes, again and again when endless.
func hostile(t *testing.T, answer []byte, endless bool) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = c.Read(make([]byte, 4096))
				for {
					if _, err := c.Write(answer); err != nil || !endless {
						break
					}
				}
				_, _ = io.Copy(io.Discard, c)
			}()
		}
	}()
	return "ldap://" + l.Addr().String()
}

func TestHostileServers(t *testing.T) {
	t.Parallel()
	bindOK := []byte{0x30, 0x0c, 0x02, 0x01, 0x01, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00, 0x04, 0x00}
	huge := binary.BigEndian.AppendUint32([]byte{0x30, 0x84}, 0x7fffffff)
	entry := append([]byte{0x30, 0x82, 0x04, 0x0a, 0x02, 0x01, 0x02, 0x64, 0x82, 0x04, 0x03, 0x04, 0x82, 0x03, 0xfb},
		make([]byte, 1019)...)
	entry = append(entry, 0x30, 0x00)
	tests := map[string]struct {
		answer  []byte
		endless bool
	}{
		"a length of two gigabytes":      {huge, false},
		"two gigabytes that really come": {append(huge, make([]byte, 1<<20)...), true},
		"garbage":                        {[]byte("HTTP/1.1 400 Bad Request\r\n\r\n"), false},
		"an answer to another question": {[]byte{
			0x30, 0x0c, 0x02, 0x01, 0x63, 0x61, 0x07, 0x0a, 0x01, 0x00, 0x04, 0x00,
			0x04, 0x00,
		}, false},
		"entries without an end":              {append(bindOK, entry...), true},
		"a packet nested ten thousand deep":   {[]byte(strings.Repeat("\x30\x80", 10000)), false},
		"an indefinite length without an end": {append([]byte{0x30, 0x80}, make([]byte, 1<<16)...), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			settings := valid().with(quick).with(tree{
				"urls":            []string{hostile(t, tt.answer, tt.endless)},
				"allow_plaintext": true,
			})
			d, err := open(ldapdir.TypeLDAP, settings)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close(t.Context())
			verifier, ok := d.(ports.PasswordVerifier)
			if !ok {
				t.Fatal("it checks no passwords")
			}
			start := time.Now()
			outcome, err := login(t.Context(), verifier, "x")
			if !isUnavailable(err) {
				t.Errorf("it is %v, %v", outcome, err)
			}
			if took := time.Since(start); took > longest {
				t.Errorf("it took %s", took)
			}
		})
	}
}
