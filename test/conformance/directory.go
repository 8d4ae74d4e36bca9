package conformance

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// DirectoryUnderTest is a directory with test data about its people. The suite changes the person's password, so each
// test gets a directory of its own.
type DirectoryUnderTest struct {
	Directory ports.Directory
	Person    ports.Login // a login with the right password
	Other     string      // another login name
	Next      string      // a password that the directory accepts
	Refused   string      // one that it refuses; empty if it accepts any
}

// OpenDirectory opens a directory for one test and closes it at the end of the test.
type OpenDirectory func(t *testing.T) DirectoryUnderTest

// Directory tests a directory against ports.Directory and each capability that it has.
func Directory(t *testing.T, open OpenDirectory) {
	for name, test := range map[string]func(*testing.T, DirectoryUnderTest){
		"says who it is":                                  directoryNamed,
		"distinguishes outcomes":                          directoryOutcomes,
		"takes nothing empty or absurd for a login":       directoryAbsurd,
		"knows people by their subject":                   directorySubjects,
		"answers a look-up as it answers a login":         directoryLookup,
		"lists every user once, as a lookup returns them": directoryList,
		"gives the receiver of a list its own error":      directoryListError,
		"changes passwords for who knows the present one": directoryChange,
		"sets passwords":                                  directorySet,
		"is safe for many at once":                        directoryRace,
		"ends with its context":                           directoryContext,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func directoryNamed(t *testing.T, d DirectoryUnderTest) {
	if d.Directory.ID() == "" || d.Directory.Type() == "" {
		t.Error("it has no id or no type")
	}
	for _, suffix := range d.Directory.Suffixes() {
		if suffix != strings.ToLower(suffix) {
			t.Errorf("the suffix %q is not in lower case", suffix)
		}
	}
}

func directoryOutcomes(t *testing.T, d DirectoryUnderTest) {
	v := ability[ports.PasswordVerifier](t, d)
	if v == nil {
		return
	}
	right := login(t, v, d.Person)
	if right.Outcome != domain.OutcomeOK || right.Identity.Subject == "" || right.Identity.Directory != d.Directory.ID() {
		t.Errorf("the right password is %v of subject %q in %q", right.Outcome, right.Identity.Subject,
			right.Identity.Directory)
	}
	for what, l := range map[string]ports.Login{
		"a wrong password": {Name: d.Person.Name, Password: d.Person.Password + "x"},
		"an unknown name":  {Name: "nobody-" + d.Person.Name, Password: d.Person.Password},
	} {
		if check := login(t, v, l); check.Outcome != domain.OutcomeBadCredentials || check.Identity.Subject != "" {
			t.Errorf("%s is %v of subject %q", what, check.Outcome, check.Identity.Subject)
		}
	}
}

func directoryAbsurd(t *testing.T, d DirectoryUnderTest) {
	v := ability[ports.PasswordVerifier](t, d)
	if v == nil {
		return
	}
	for _, name := range []string{
		"", " ", "*", "\x00", d.Person.Name + "\x00", "\xff", strings.Repeat("a", 1<<16),
		d.Person.Name + "*",
	} {
		if check := login(t, v,
			ports.Login{Name: name, Password: d.Person.Password}); check.Outcome != domain.OutcomeBadCredentials {
			t.Errorf("the name %.20q is %v", name, check.Outcome)
		}
	}
	for _, password := range []string{"", "\x00", d.Person.Password + "\x00", strings.Repeat("a", 1<<16)} {
		if check := login(t, v, ports.Login{
			Name:     d.Person.Name,
			Password: password,
		}); check.Outcome != domain.OutcomeBadCredentials {
			t.Errorf("the password %.20q is %v", password, check.Outcome)
		}
	}
}

func directorySubjects(t *testing.T, d DirectoryUnderTest) {
	v := ability[ports.PasswordVerifier](t, d)
	if v == nil {
		return
	}
	subject := login(t, v, d.Person).Identity.Subject
	for what, tt := range map[string]struct {
		subject  domain.Subject
		password string
		want     domain.Outcome
	}{
		"the right password":  {subject, d.Person.Password, domain.OutcomeOK},
		"a wrong password":    {subject, d.Person.Password + "x", domain.OutcomeBadCredentials},
		"an empty password":   {subject, "", domain.OutcomeBadCredentials},
		"an unknown subject":  {subject + "x", d.Person.Password, domain.OutcomeBadCredentials},
		"an empty subject":    {"", d.Person.Password, domain.OutcomeBadCredentials},
		"a name as a subject": {domain.Subject(d.Person.Name), d.Person.Password, domain.OutcomeBadCredentials},
	} {
		check, err := v.VerifySubject(t.Context(), tt.subject, tt.password)
		if err != nil || check.Outcome != tt.want {
			t.Errorf("%s is %v, %v", what, check.Outcome, err)
		}
		if known := check.Identity.Subject == subject; known != (tt.want == domain.OutcomeOK) {
			t.Errorf("%s tells the identity: %v", what, known)
		}
	}
}

func directoryLookup(t *testing.T, d DirectoryUnderTest) {
	l := ability[ports.Lookup](t, d)
	if l == nil {
		return
	}
	byName, err := l.FindName(t.Context(), d.Person.Name)
	if err != nil {
		t.Fatal(err)
	}
	bySubject, err := l.Find(t.Context(), byName.Subject)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(byName, bySubject); diff != "" {
		t.Errorf("by name and by subject (-name +subject)\n%s", diff)
	}
	if v, ok := d.Directory.(ports.PasswordVerifier); ok {
		if diff := cmp.Diff(byName, login(t, v, d.Person).Identity); diff != "" {
			t.Errorf("a look-up and a login (-look-up +login)\n%s", diff)
		}
	}
	for _, missing := range []string{"", "*", "nobody-" + d.Person.Name} {
		if _, err := l.FindName(t.Context(), missing); !errors.Is(err, domain.ErrSubjectNotFound) {
			t.Errorf("the name %q: %v", missing, err)
		}
		if _, err := l.Find(t.Context(), domain.Subject(missing)); !errors.Is(err, domain.ErrSubjectNotFound) {
			t.Errorf("the subject %q: %v", missing, err)
		}
	}
}

func directoryList(t *testing.T, d DirectoryUnderTest) {
	l := ability[ports.Lister](t, d)
	if l == nil {
		return
	}
	times := map[domain.Subject]int{}
	var names []string
	res, err := l.List(t.Context(), "", func(page []domain.Identity) error {
		for _, id := range page {
			times[id.Subject]++
			names = append(names, id.Username)
		}
		return nil
	})
	if err != nil || !res.Complete {
		t.Fatalf("complete %v, %v", res.Complete, err)
	}
	for subject, n := range times {
		if n != 1 || subject == "" {
			t.Errorf("subject %q comes %d times", subject, n)
		}
	}
	if finder, ok := d.Directory.(ports.Lookup); ok {
		for _, name := range []string{d.Person.Name, d.Other} {
			id, err := finder.FindName(t.Context(), name)
			if err != nil || times[id.Subject] != 1 {
				t.Errorf("%s is not in the list of %d, %v", name, len(names), err)
			}
		}
	}
}

func directoryListError(t *testing.T, d DirectoryUnderTest) {
	l := ability[ports.Lister](t, d)
	if l == nil {
		return
	}
	enough := errors.New("enough")
	calls := 0
	_, err := l.List(t.Context(), "", func([]domain.Identity) error { calls++; return enough })
	if !errors.Is(err, enough) || errors.Is(err, domain.ErrDirectoryUnavailable) || calls != 1 {
		t.Errorf("after %d calls it is %v", calls, err)
	}
}

func directoryChange(t *testing.T, d DirectoryUnderTest) {
	c := ability[ports.PasswordChanger](t, d)
	v, ok := d.Directory.(ports.PasswordVerifier)
	if c == nil || !ok {
		return
	}
	subject := login(t, v, d.Person).Identity.Subject
	if err := c.ChangePassword(t.Context(), subject, d.Person.Password+"x", d.Next); !errors.Is(err,
		domain.ErrCurrentPassword) {
		t.Errorf("with a wrong present password it is %v", err)
	}
	if err := c.ChangePassword(t.Context(), subject, "", d.Next); !errors.Is(err, domain.ErrCurrentPassword) {
		t.Errorf("with an empty present password it is %v", err)
	}
	refused(t, c.ChangePassword(t.Context(), subject, d.Person.Password, ""))
	if d.Refused != "" {
		refused(t, c.ChangePassword(t.Context(), subject, d.Person.Password, d.Refused))
	}
	if check := login(t, v, d.Person); check.Outcome != domain.OutcomeOK {
		t.Fatalf("after refused changes the password is %v", check.Outcome)
	}
	if err := c.ChangePassword(t.Context(), subject, d.Person.Password, d.Next); err != nil {
		t.Fatal(err)
	}
	passwordIs(t, v, d.Person.Name, d.Next)
	if err := c.ChangePassword(t.Context(), subject+"x", d.Next, d.Person.Password); !errors.Is(err,
		domain.ErrSubjectNotFound) {
		t.Errorf("for an unknown user it is %v", err)
	}
}

func directorySet(t *testing.T, d DirectoryUnderTest) {
	s := ability[ports.PasswordSetter](t, d)
	v, ok := d.Directory.(ports.PasswordVerifier)
	if s == nil || !ok {
		return
	}
	subject := login(t, v, d.Person).Identity.Subject
	refused(t, s.SetPassword(t.Context(), subject, "", false))
	if d.Refused != "" {
		refused(t, s.SetPassword(t.Context(), subject, d.Refused, false))
	}
	if err := s.SetPassword(t.Context(), subject, d.Next, false); err != nil {
		t.Fatal(err)
	}
	passwordIs(t, v, d.Person.Name, d.Next)
	if err := s.SetPassword(t.Context(), subject, d.Next+"2", true); err != nil {
		t.Fatal(err)
	}
	if check := login(t, v, ports.Login{
		Name:     d.Person.Name,
		Password: d.Next + "2",
	}); check.Outcome != domain.OutcomeMustChange {
		t.Errorf("a password that must be changed is %v", check.Outcome)
	}
	if err := s.SetPassword(t.Context(), subject+"x", d.Next, false); !errors.Is(err, domain.ErrSubjectNotFound) {
		t.Errorf("for an unknown user it is %v", err)
	}
}

func directoryRace(t *testing.T, d DirectoryUnderTest) {
	v := ability[ports.PasswordVerifier](t, d)
	if v == nil {
		return
	}
	var wg sync.WaitGroup
	for i := range 40 {
		name, want := d.Person.Name, domain.OutcomeOK
		if i%2 == 1 {
			name, want = "nobody-"+name, domain.OutcomeBadCredentials
		}
		wg.Go(func() {
			check, err := v.VerifyPassword(t.Context(), ports.Login{Name: name, Password: d.Person.Password})
			if err != nil || check.Outcome != want {
				t.Errorf("%s is %v, %v", name, check.Outcome, err)
			}
		})
	}
	wg.Wait()
}

func directoryContext(t *testing.T, d DirectoryUnderTest) {
	v := ability[ports.PasswordVerifier](t, d)
	if v == nil {
		return
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	_, err := v.VerifyPassword(over, d.Person)
	if !errors.Is(err, domain.ErrDirectoryUnavailable) || time.Since(start) > time.Second {
		t.Errorf("under a context that is over it is %v", err)
	}
	if check := login(t, v, d.Person); check.Outcome != domain.OutcomeOK {
		t.Errorf("afterwards a login is %v", check.Outcome)
	}
}

// ability returns the directory as the interface T, or skips the case if it does not implement it.
func ability[T ports.Directory](t *testing.T, d DirectoryUnderTest) T {
	t.Helper()
	can, _ := d.Directory.(T)
	return can
}

func login(t *testing.T, v ports.PasswordVerifier, l ports.Login) domain.PasswordCheck {
	t.Helper()
	check, err := v.VerifyPassword(t.Context(), l)
	if err != nil {
		t.Fatalf("the login of %.20q: %v", l.Name, err)
	}
	return check
}

func passwordIs(t *testing.T, v ports.PasswordVerifier, name, password string) {
	t.Helper()
	if check := login(t, v, ports.Login{Name: name, Password: password}); check.Outcome != domain.OutcomeOK {
		t.Errorf("the new password is %v", check.Outcome)
	}
}

// refused checks that a refusal of a new password names the field and a reason.
func refused(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, domain.ErrPasswordPolicy) {
		t.Errorf("it is %v", err)
		return
	}
	for _, d := range fault.Of(err).Details() {
		if d.Field == "new_password" && d.Reason != "" {
			return
		}
	}
	t.Error("the refusal names no reason")
}
