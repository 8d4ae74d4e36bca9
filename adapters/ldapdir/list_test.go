package ldapdir_test

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/fixtures/samba"
)

// listing is what one walk gave.
type listing struct {
	people map[string]domain.Identity
	pages  int
	result domain.ListResult
}

func list(t *testing.T, d ports.Lister, since string) listing {
	t.Helper()
	l := listing{people: map[string]domain.Identity{}}
	res, err := d.List(t.Context(), since, func(page []domain.Identity) error {
		l.pages++
		for _, id := range page {
			if _, twice := l.people[string(id.Subject)]; twice {
				t.Errorf("%s came twice", id.Username)
			}
			l.people[string(id.Subject)] = id
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	l.result = res
	return l
}

func (l listing) names() []string {
	var names []string
	for _, id := range l.people {
		names = append(names, id.Username)
	}
	return names
}

func TestListGivesEverybodyAsALookUpDoes(t *testing.T) {
	t.Parallel()
	slapd, ad := openldap.Start(t, openldap.Options{Users: 1200}), sharedSamba(t)
	tests := map[string]struct {
		kind     string
		settings tree
		people   int
		pages    int
		sample   []string
	}{
		"OpenLDAP":            {ldapdir.TypeLDAP, openLDAP(slapd), 1218, 3, []string{"alice", "bob", "carol", "dave", "jsmith", "locked", "inactive", "user000007"}},
		"OpenLDAP, memberOf":  {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"groups": tree{"mode": "memberof"}, "page_size": 100}), 1218, 13, []string{"alice", "dave"}},
		"OpenLDAP, direct":    {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"groups": tree{"nested": false}}), 1218, 3, []string{"alice", "dave"}},
		"OpenLDAP, no groups": {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"groups": tree{"mode": "none"}}), 1218, 3, []string{"alice"}},
		"AD":                  {ldapdir.TypeActiveDirectory, activeDirectory(ad), 0, 4, []string{"alice", "bob", "carol", "dave", "disabled", "accexpired", "user0007"}},
		"AD, searched":        {ldapdir.TypeActiveDirectory, activeDirectory(ad).with(tree{"groups": tree{"mode": "search"}}), 0, 4, []string{"alice", "carol", "user1599"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := mustOpen(t, tt.kind, tt.settings)
			l := list(t, d, "")
			if tt.people > 0 && len(l.people) != tt.people {
				t.Errorf("%d people, want %d", len(l.people), tt.people)
			}
			if tt.people == 0 && len(l.people) < samba.BulkUsers+14 {
				t.Errorf("only %d people", len(l.people))
			}
			if l.pages != tt.pages || !l.result.Complete {
				t.Errorf("%d pages, complete %v; want %d", l.pages, l.result.Complete, tt.pages)
			}
			for _, name := range tt.sample {
				want := find(t, d, name)
				got := l.people[string(want.Subject)]
				if diff := cmp.Diff(short(want.Groups), short(got.Groups)); diff != "" {
					t.Errorf("the groups of %s (-look-up +list)\n%s", name, diff)
				}
				want.Groups, got.Groups = nil, nil
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-look-up +list)\n%s", name, diff)
				}
			}
		})
	}
}

func TestListReadsLongAttributesInRanges(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(sharedSamba(t)).with(tree{
		"groups": tree{"mode": "search"}, "group_mapping": []tree{{"group": "bulk", "to": "bulk"}},
	}))
	in := 0
	for _, id := range list(t, d, "").people {
		in += len(id.MappedGroups)
	}
	if in != samba.BulkUsers {
		t.Errorf("%d people are in the group of %d, more than one range holds", in, samba.BulkUsers)
	}
}

func TestListOfChanges(t *testing.T) {
	t.Parallel()
	slapd := openldap.Start(t, openldap.Options{Users: 20})
	ad := samba.Start(t, samba.Options{})
	root, admin := slapd.Root(t), ad.Admin(t)
	sn := func(conn *ldap.Conn, dn, value string) func() error {
		return func() error {
			m := ldap.NewModifyRequest(dn, nil)
			m.Replace("displayName", []string{value})
			return conn.Modify(m)
		}
	}
	member := func(conn *ldap.Conn, group, dn string) func() error {
		return func() error {
			m := ldap.NewModifyRequest(group, nil)
			m.Add("member", []string{dn})
			return conn.Modify(m)
		}
	}
	tests := map[string]struct {
		d                                  directory
		settle                             time.Duration
		prepare, change, join, add, remove func() error
	}{
		"OpenLDAP": {
			d: mustOpen(t, ldapdir.TypeLDAP, openLDAP(slapd)), settle: 1100 * time.Millisecond,
			prepare: sn(root, openldap.PersonDN("alice"), "Al"),
			change:  sn(root, openldap.PersonDN("bob"), "Robert"), join: member(root, openldap.GroupDN("eng"), openldap.PersonDN("dave")),
			add: func() error {
				r := ldap.NewAddRequest(openldap.PersonDN("new"), nil)
				r.Attribute("objectClass", []string{"inetOrgPerson"})
				for _, name := range []string{"uid", "cn", "sn"} {
					r.Attribute(name, []string{"new"})
				}
				return root.Add(r)
			},
			remove: func() error { return root.Del(ldap.NewDelRequest(openldap.PersonDN("user000003"), nil)) },
		},
		"Active Directory": {
			d:       mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(ad).with(tree{"base_dn": "OU=People," + samba.Base, "groups": tree{"base_dn": "OU=Groups," + samba.Base}})),
			prepare: sn(admin, samba.PersonDN("Alice Archer"), "Al"),
			change:  sn(admin, samba.PersonDN("Dave Dunn"), "David"), join: member(admin, samba.GroupDN("eng"), samba.PersonDN("Dave Dunn")),
			add: func() error {
				r := ldap.NewAddRequest(samba.PersonDN("new"), nil)
				r.Attribute("objectClass", []string{"user"})
				r.Attribute("sAMAccountName", []string{"new"})
				return admin.Add(r)
			},
			remove: func() error { return admin.Del(ldap.NewDelRequest(samba.PersonDN("Never Expires"), nil)) },
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			time.Sleep(tt.settle)
			if err := tt.prepare(); err != nil { // else everybody shares the second of the newest change
				t.Fatal(err)
			}
			everybody := list(t, tt.d, "")
			time.Sleep(tt.settle) // stamps are whole seconds; what shares one with the mark comes again
			last := everybody.result
			step := func(what string, do func() error, want func(l listing) error) {
				t.Helper()
				if do != nil {
					if err := do(); err != nil {
						t.Fatalf("%s: %v", what, err)
					}
				}
				l := list(t, tt.d, last.Next)
				if err := want(l); err != nil {
					t.Errorf("%s: %v", what, err)
				}
				last = l.result
			}
			changesOnly := func(names ...string) func(l listing) error {
				return func(l listing) error {
					if l.result.Complete {
						return errors.New("the walk was complete")
					}
					for _, name := range names {
						if !contains(l.names(), name) {
							return fmt.Errorf("%s is not among the changes", name)
						}
					}
					if len(names) > 0 && len(l.people) > len(names)+2 {
						return fmt.Errorf("%d people for %d changes", len(l.people), len(names))
					}
					return nil
				}
			}
			complete := func(n int) func(l listing) error {
				return func(l listing) error {
					if !l.result.Complete || len(l.people) != n {
						return fmt.Errorf("complete %v, %d people; want %d", l.result.Complete, len(l.people), n)
					}
					return nil
				}
			}
			n := len(everybody.people)
			person := map[string]string{"OpenLDAP": "bob", "Active Directory": "dave"}[name]
			step("nothing changed", nil, changesOnly())
			step("a name changed", tt.change, changesOnly(person))
			time.Sleep(tt.settle)
			step("somebody came", tt.add, changesOnly("new"))
			step("a group changed", tt.join, complete(n+1))
			time.Sleep(tt.settle)
			step("nothing more", nil, changesOnly())
			step("somebody went", tt.remove, complete(n))
			last.Next = "no token of ours"
			step("a token of another kind", nil, complete(n))
		})
	}
}

func contains(names []string, name string) bool {
	for _, n := range names {
		if n == name {
			return true
		}
	}
	return false
}

func TestAPartOfTheAnswerIsAnError(t *testing.T) {
	t.Parallel()
	s := openldap.Start(t, openldap.Options{Users: 1200})
	// An account without the right to page past the server's size limit of 500.
	settings := openLDAP(s).with(tree{"bind_dn": openldap.PersonDN("alice"), "page_size": 200})
	s.LetEverybodyRead(t)
	d := mustOpen(t, ldapdir.TypeLDAP, settings)
	people := 0
	_, err := d.List(t.Context(), "", func(page []domain.Identity) error {
		people += len(page)
		return nil
	})
	if !isUnavailable(err) {
		t.Errorf("after %d people: %v", people, err)
	}
}

func TestAListThatItsReceiverEnds(t *testing.T) {
	t.Parallel()
	d := mustOpen(t, ldapdir.TypeLDAP, openLDAP(sharedSlapd(t)))
	enough := errors.New("enough")
	if _, err := d.List(t.Context(), "", func([]domain.Identity) error { return enough }); !errors.Is(err, enough) || isUnavailable(err) {
		t.Errorf("it is %v", err)
	}
}

// BenchmarkList walks through 100,000 people of a real slapd: everybody, then a walk without changes.
func BenchmarkList(b *testing.B) {
	s := openldap.Start(b, openldap.Options{Users: 100_000})
	d, err := open(ldapdir.TypeLDAP, openLDAP(s).with(tree{"page_size": 1000}))
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close(b.Context())
	lister, ok := d.(ports.Lister)
	if !ok {
		b.Fatal("it lists nobody")
	}
	walk := func(since string) (people int, peak uint64, res domain.ListResult) {
		res, err := lister.List(b.Context(), since, func(page []domain.Identity) error {
			people += len(page)
			if people%20_000 < len(page) {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				peak = max(peak, m.HeapInuse)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		return people, peak, res
	}
	var last domain.ListResult
	b.Run("everybody", func(b *testing.B) {
		for b.Loop() {
			people, peak, res := walk("")
			if people < 100_000 || !res.Complete {
				b.Fatalf("%d people, complete %v", people, res.Complete)
			}
			b.ReportMetric(float64(peak)/(1<<20), "MB-heap")
			last = res
		}
	})
	b.Run("no changes", func(b *testing.B) {
		for b.Loop() {
			people, _, res := walk(last.Next)
			b.ReportMetric(float64(people), "people")
			b.ReportMetric(map[bool]float64{true: 1}[res.Complete], "complete")
		}
	})
}
