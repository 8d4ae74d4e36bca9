package userimport_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/userimport"
	"github.com/ostiary/ostiary/test/kit"
)

// Hashes of fieldPassword that other programs generated.
const (
	fieldPassword = "Correct-Horse-7-Bättery"
	shadowHash    = "$6$x13wPj93e79mIySY$t5HWKrRKVeAmdS.3krl4fgDDc4YU0xekMXy27KoEKwZ7IEOZbQaak8yYTDzzqENfS0YFTVm.jbosMz/wXim1g0"
	springHash    = "{bcrypt}$2a$06$vUFGF8FaWj2I2voUmT0Mvevkk5Iu9HvZnTGV4nzcxfwFnGTlQ5xJ6"
	phcHash       = "$pbkdf2-sha256$i=10000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$wl4Q4y3Jm2sX/XRGjbls2sX9TNHx1PuYZ1Q0ZNJsE0c"
	costlyHash    = "$argon2id$v=19$m=65536,t=1,p=32$q/I2cWyLkKCSl3IVhmEThg$+yFvugWWKA7IZ42q4aw/OrnI6ztiAZMveA0uBWfQsBI"
)

func TestForeignHashesSignInAndAreUpgraded(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	for name, hash := range map[string]string{"shadow": shadowHash, "spring": springHash, "phc": phcHash} {
		row := userimport.User{Username: name, Email: name + "@example.com", PasswordHash: hash}
		results, err := imports.Users(t.Context(), domain.Operator(), userimport.Batch{Users: []userimport.User{row}})
		if err != nil || results[0].Outcome != userimport.Created {
			t.Fatalf("%s: %+v, %v", name, results, err)
		}
		for range 2 { // the second time with the upgraded hash
			login := auth.LoginInput{Name: name, Password: fieldPassword}
			if _, err := s.Auth.Login(t.Context(), kit.From("192.0.2.1"), login); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		user, err := s.Store.Users().FindByLogin(t.Context(), name)
		if err != nil || !strings.HasPrefix(user.Password.Hash, "$argon2id$") {
			t.Errorf("%s is still hashed as before, %v", name, err)
		}
	}
}

func TestRefusedHashReasons(t *testing.T) {
	t.Parallel()
	_, imports := start(t)
	results, err := imports.Users(t.Context(), domain.Operator(), userimport.Batch{Users: []userimport.User{
		{Username: "noop", Email: "noop@example.com", PasswordHash: "{noop}secret"},
		{Username: "costly", Email: "costly@example.com", PasswordHash: costlyHash},
	}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{
		"password_hash is of a format that is not known", "password_hash costs more to check than is allowed",
	} {
		if results[i].Outcome != userimport.Refused || results[i].Reason != want {
			t.Errorf("row %d: %+v, want the reason %q", i, results[i], want)
		}
	}
}

// TestDropUnknownHashes checks that such users are pending and get an activation email.
func TestDropUnknownHashes(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	batch := userimport.Batch{DropUnknownHashes: true, Users: []userimport.User{
		{Username: "unknown", Email: "unknown@example.com", PasswordHash: "{noop}secret", Status: "active"},
		{Username: "costly", Email: "costly@example.com", PasswordHash: costlyHash},
		{Username: "gone", Email: "gone@example.com", PasswordHash: "{noop}secret", Status: "deactivated"},
		{Username: "known", Email: "known@example.com", PasswordHash: shadowHash},
		{Username: "outside", Email: "outside@example.com", PasswordHash: "{noop}secret", Directory: "nowhere"},
	}}
	const (
		unknown = "password_hash is of a format that is not known"
		mailed  = " and was left out: the user is pending and gets an activation mail"
	)
	want := []userimport.Result{
		{Outcome: userimport.Created, Reason: unknown + mailed},
		{Outcome: userimport.Created, Reason: "password_hash costs more to check than is allowed" + mailed},
		{Outcome: userimport.Created, Reason: unknown + " and was left out: the user has no password"},
		{Outcome: userimport.Created},
		{Outcome: userimport.Refused, Reason: unknown},
	}
	for _, batch.DryRun = range []bool{true, false} {
		results, err := imports.Users(t.Context(), domain.Operator(), batch)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r != want[i] {
				t.Errorf("dry run %v, row %d: %+v, want %+v", batch.DryRun, i, r, want[i])
			}
		}
	}
	checkDropped(t, s)
}

// checkDropped checks the result of TestDropUnknownHashes: status, password and email of each user.
func checkDropped(t *testing.T, s *kit.Services) {
	t.Helper()
	mails := map[string]int{}
	for _, letter := range s.SentEmails(t) {
		if strings.Contains(letter.Text, "/activate?token=") {
			mails[letter.To]++
		}
	}
	for name, want := range map[string]struct {
		status   domain.UserStatus
		password bool
		mails    int
	}{
		"unknown": {domain.StatusPending, false, 1}, "costly": {domain.StatusPending, false, 1},
		"gone": {domain.StatusDeactivated, false, 0}, "known": {domain.StatusActive, true, 0},
	} {
		user, err := s.Store.Users().FindByLogin(t.Context(), name)
		password, sent := user.Password != nil, mails[user.Email]
		if err != nil || user.Status != want.status || password != want.password || sent != want.mails {
			t.Errorf("%s is %s, with a password %v and %d mails, %v; want %+v", name, user.Status, password, sent, err, want)
		}
		if invited := len(user.Tokens) == 1; invited != (want.mails == 1) {
			t.Errorf("%s has %d tokens", name, len(user.Tokens))
		}
	}
}
