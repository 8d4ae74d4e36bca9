package ldapdir_test

import (
	"errors"
	"runtime"
	"slices"
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

func TestListMatchesLookup(t *testing.T) {
	t.Parallel()
	slapd, ad := openldap.Start(t, openldap.Options{Users: 1200}), sharedSamba(t)
	tests := map[string]struct {
		kind     string
		settings tree
		people   int
		pages    int
		sample   []string
	}{
		"OpenLDAP": {
			ldapdir.TypeLDAP, openLDAP(slapd), 1218, 3,
			[]string{"alice", "bob", "carol", "dave", "jsmith", "locked", "inactive", "user000007"},
		},
		"OpenLDAP, memberOf": {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{
			"groups":    tree{"mode": "memberof"},
			"page_size": 100,
		}), 1218, 13, []string{"alice", "dave"}},
		"OpenLDAP, direct": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"groups": tree{"nested": false}}), 1218, 3,
			[]string{"alice", "dave"},
		},
		"OpenLDAP, names": {ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"groups": tree{
			"member_attribute": "memberUid", "member_value": "username", "filter": "(objectClass=posixGroup)",
		}}), 1218, 3, []string{"alice", "carol"}},
		"OpenLDAP, no groups": {
			ldapdir.TypeLDAP, openLDAP(slapd).with(tree{"groups": tree{"mode": "none"}}), 1218, 3,
			[]string{"alice"},
		},
		"AD": {
			ldapdir.TypeActiveDirectory, activeDirectory(ad), 0, 4,
			[]string{"alice", "bob", "carol", "dave", "disabled", "accexpired", "user0007"},
		},
		"AD, searched": {
			ldapdir.TypeActiveDirectory, activeDirectory(ad).with(tree{"groups": tree{"mode": "search"}}), 0, 4,
			[]string{"alice", "carol", "user1599"},
		},
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

// walker follows a directory by walks from where the last one ended.
type walker struct {
	t      *testing.T
	d      directory
	settle time.Duration
	last   domain.ListResult
}

// after changes something and walks.
func (w *walker) after(change func() error) listing {
	w.t.Helper()
	time.Sleep(w.settle) // stamps are whole seconds; what shares one with the mark comes again
	if err := change(); err != nil {
		w.t.Fatal(err)
	}
	l := list(w.t, w.d, w.last.Next)
	w.last = l.result
	return l
}

func (w *walker) changes(what string, l listing, name string) {
	w.t.Helper()
	if l.result.Complete || len(l.people) > 3 || (name != "" && !slices.Contains(l.names(), name)) {
		w.t.Errorf("%s: complete %v, and it lists %q", what, l.result.Complete, l.names())
	}
}

func (w *walker) complete(what string, l listing, n int) {
	w.t.Helper()
	if !l.result.Complete || len(l.people) != n {
		w.t.Errorf("%s: complete %v, and %d people; want %d", what, l.result.Complete, len(l.people), n)
	}
}

// edit are changes of a directory.
type edit struct{ prepare, rename, join, add, remove func() error }

func (w *walker) follow(e edit, renamed string) {
	w.t.Helper()
	time.Sleep(w.settle)
	if err := e.prepare(); err != nil { // otherwise all entries share the second of the newest change
		w.t.Fatal(err)
	}
	everybody := list(w.t, w.d, "")
	w.last = everybody.result
	n := len(everybody.people)
	nothing := func() error { return nil }
	w.complete("everybody", everybody, n)
	w.changes("nothing changed", w.after(nothing), "")
	w.changes("a name changed", w.after(e.rename), renamed)
	w.changes("somebody came", w.after(e.add), "new")
	w.complete("a group changed", w.after(e.join), n+1)
	w.changes("nothing more", w.after(nothing), "")
	w.complete("somebody went", w.after(e.remove), n)
	w.last.Next = "no token of ours"
	w.complete("a token of another kind", w.after(nothing), n)
}

func setName(conn *ldap.Conn, dn, value string) func() error {
	return func() error {
		m := ldap.NewModifyRequest(dn, nil)
		m.Replace("displayName", []string{value})
		return conn.Modify(m)
	}
}

func addMember(conn *ldap.Conn, group, dn string) func() error {
	return func() error {
		m := ldap.NewModifyRequest(group, nil)
		m.Add("member", []string{dn})
		return conn.Modify(m)
	}
}

func TestListOfChangesOpenLDAP(t *testing.T) {
	t.Parallel()
	s := openldap.Start(t, openldap.Options{Users: 20})
	root := s.Root(t)
	w := walker{t: t, d: mustOpen(t, ldapdir.TypeLDAP, openLDAP(s)), settle: 1100 * time.Millisecond}
	w.follow(edit{
		prepare: setName(root, openldap.PersonDN("alice"), "Al"),
		rename:  setName(root, openldap.PersonDN("bob"), "Robert"),
		join:    addMember(root, openldap.GroupDN("eng"), openldap.PersonDN("dave")),
		add:     func() error { addPerson(t, root, "new"); return nil },
		remove:  func() error { return root.Del(ldap.NewDelRequest(openldap.PersonDN("user000003"), nil)) },
	}, "bob")
}

func TestListOfChangesActiveDirectory(t *testing.T) {
	t.Parallel()
	s := samba.Start(t, samba.Options{})
	admin := s.Admin(t)
	w := walker{t: t, d: mustOpen(t, ldapdir.TypeActiveDirectory, activeDirectory(s).with(tree{
		"base_dn": "OU=People," + samba.Base, "groups": tree{"base_dn": "OU=Groups," + samba.Base},
	}))}
	w.follow(edit{
		prepare: setName(admin, samba.PersonDN("Alice Archer"), "Al"),
		rename:  setName(admin, samba.PersonDN("Dave Dunn"), "David"),
		join:    addMember(admin, samba.GroupDN("eng"), samba.PersonDN("Dave Dunn")),
		add: func() error {
			r := ldap.NewAddRequest(samba.PersonDN("new"), nil)
			r.Attribute("objectClass", []string{"user"})
			r.Attribute("sAMAccountName", []string{"new"})
			return admin.Add(r)
		},
		remove: func() error { return admin.Del(ldap.NewDelRequest(samba.PersonDN("Never Expires"), nil)) },
	}, "dave")
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
	if _, err := d.List(t.Context(), "", func([]domain.Identity) error { return enough }); !errors.Is(err, enough) ||
		isUnavailable(err) {
		t.Errorf("it is %v", err)
	}
}

// BenchmarkList lists 100,000 people of a real slapd: a full run, then a run without changes.
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

func TestATokenOfOtherSettingsIsNone(t *testing.T) {
	t.Parallel()
	s := sharedSlapd(t)
	last := list(t, mustOpen(t, ldapdir.TypeLDAP, openLDAP(s)), "").result
	tests := map[string]struct {
		change   tree
		complete bool
	}{
		"the same":        {tree{}, false},
		"other patience":  {tree{"timeouts": tree{"connect": "3m", "request": "4m", "operation": "9m"}}, false},
		"another mapping": {tree{"roles": []tree{{"group": "eng", "role": "operator"}}}, true},
		"another filter":  {tree{"user_filter": "(&(objectClass=inetOrgPerson)(uid=*))"}, true},
		"another base":    {tree{"base_dn": "ou=people," + openldap.Base}, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := list(t, mustOpen(t, ldapdir.TypeLDAP, openLDAP(s).with(tt.change)),
				last.Next).result; got.Complete != tt.complete {
				t.Errorf("the walk is complete: %v, want %v", got.Complete, tt.complete)
			}
		})
	}
}
