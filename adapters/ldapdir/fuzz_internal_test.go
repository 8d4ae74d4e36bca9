package ldapdir

import (
	"strings"
	"testing"

	ber "github.com/go-asn1-ber/asn1-ber"
	"github.com/go-ldap/ldap/v3"
)

// A typed name is a value in the search for it and never a piece of the filter, whatever it holds.
func FuzzNameStaysAValueOfTheFilter(f *testing.F) {
	for _, name := range []string{
		"alice", "*", "*)(uid=*))(|(uid=*", `a\2a`, `EXAMPLE\alice`, "alice@example.org", "zoë",
		"\xff", "\x00", `\`, "(&(", "é",
	} {
		f.Add(name)
	}
	s := Defaults(TypeActiveDirectory)
	s.Suffixes = []string{"example.org", "example"}
	c := &client{settings: s}
	f.Fuzz(func(t *testing.T, name string) {
		filter := c.loginFilter(name)
		packet, err := ldap.CompileFilter(filter)
		if err != nil {
			t.Fatalf("%q makes a filter that is none: %v", name, err)
		}
		choices := packet.Children[len(packet.Children)-1]
		if packet.Tag != ldap.FilterAnd || len(packet.Children) != 2 || choices.Tag != ldap.FilterOr {
			t.Fatalf("%q changes the shape of the filter: %s", name, filter)
		}
		for _, choice := range choices.Children {
			if choice.Tag != ldap.FilterEqualityMatch || len(choice.Children) != 2 {
				t.Fatalf("%q is more than a value: %s", name, filter)
			}
			if got := valueOf(choice.Children[1]); got != name && got != c.bareName(name) {
				t.Errorf("%q is looked for as %q", name, got)
			}
		}
	})
}

func valueOf(p *ber.Packet) string { return p.Data.String() }

// A token that was kept, or made up, is read or is none; it never makes a filter of its own.
func FuzzATokenIsReadOrIsNone(f *testing.F) {
	f.Add(token{Mark: "20260301120000Z", Before: 1, At: 2, Groups: 3}.encode())
	f.Add("no token")
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		last, ok := parseToken(text)
		if !ok {
			return
		}
		if last.Mark == "" {
			t.Error("a token without a mark is taken")
		}
		if _, err := ldap.CompileFilter("(modifyTimestamp>=" + ldap.EscapeFilter(last.Mark) + ")"); err != nil {
			t.Errorf("the mark %q makes a filter that is none: %v", last.Mark, err)
		}
		if again, ok := parseToken(last.encode()); strings.ToValidUTF8(last.Mark, "") == last.Mark &&
			(!ok || again.Mark != last.Mark) {
			t.Errorf("written again, %q is %q", last.Mark, again.Mark)
		}
	})
}

// Whatever a server says of a refused bind is an outcome or an outage, and never that the password was right.
func FuzzARefusedBindIsNeverRight(f *testing.F) {
	for _, text := range []string{
		"80090308: LdapErr: DSID-0C0903A9, comment: AcceptSecurityContext error, data 773, v1db1", "data 52e", "data ,",
		"data ffffffffffffffffff", "",
	} {
		f.Add(uint16(ldap.LDAPResultInvalidCredentials), text)
	}
	f.Fuzz(func(t *testing.T, code uint16, text string) {
		if code == ldap.LDAPResultSuccess {
			return
		}
		said, err := bindAnswer(&ldap.Error{ResultCode: code, Err: textError(text)})
		if err == nil && said.outcome.String() == "ok" {
			t.Errorf("code %d %q is taken for success", code, text)
		}
	})
}

type textError string

func (e textError) Error() string { return string(e) }
