package ldapdir_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

func TestAWrongServiceAccountIsAnOutage(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(sharedSlapd(t)).with(tree{"bind_dn": "cn=nobody,dc=example,dc=org"}))
	for range 5 {
		if _, err := login(t.Context(), d, openldap.Password); !isUnavailable(err) ||
			!strings.Contains(err.Error(), "service account") {
			t.Errorf("the login: %v", err)
		}
	}
}

// The domain locks after three wrong passwords. A wrong one in our configuration must not lock the service account,
// however many people sign in meanwhile.
func TestWrongServicePasswordDoesNotLockTheServiceAccount(t *testing.T) {
	t.Parallel()
	s := samba.Start(t, samba.Options{})
	d := mustOpen(t, ldapdir.TypeActiveDirectory,
		activeDirectory(s).with(tree{"bind_password": "wrong", "pool": tree{"size": 1}}))
	var people sync.WaitGroup
	for range 20 {
		people.Go(func() {
			for range 5 {
				if _, err := login(t.Context(), d, samba.Password); !isUnavailable(err) {
					t.Errorf("the login: %v", err)
				}
			}
		})
	}
	people.Wait()
	if err := s.Admin(t).Bind(samba.ServiceDN, samba.Password); err != nil {
		t.Errorf("the service account, by its right password: %v", err)
	}
}
