package ldapdir_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	under := func(t *testing.T, kind string, settings tree) conformance.DirectoryUnderTest {
		t.Helper()
		return conformance.DirectoryUnderTest{
			Directory: mustOpen(t, kind, settings), Person: ports.Login{Name: "alice", Password: openldap.Password},
			Other: "bob",
			Next:  newPassword, Refused: "short",
		}
	}
	t.Run("OpenLDAP", func(t *testing.T) {
		t.Parallel()
		conformance.Directory(t, func(t *testing.T) conformance.DirectoryUnderTest {
			t.Helper()
			return under(t, ldapdir.TypeLDAP, openLDAP(openldap.Start(t, openldap.Options{Users: 50})))
		})
	})
	t.Run("Active Directory", func(t *testing.T) {
		t.Parallel()
		s := samba.Start(t, samba.Options{})
		admin := s.Admin(t)
		var people atomic.Int64
		conformance.Directory(t, func(t *testing.T) conformance.DirectoryUnderTest {
			t.Helper()
			name := fmt.Sprintf("person%02d", people.Add(1)) // one server for all, a person for each
			if err := samba.AddPerson(admin, name); err != nil {
				t.Fatal(err)
			}
			d := under(t, ldapdir.TypeActiveDirectory, activeDirectory(s).with(tree{
				"base_dn": "OU=People," + samba.Base, "groups": tree{"base_dn": samba.Base},
			}))
			d.Person.Name = name
			return d
		})
	})
}
