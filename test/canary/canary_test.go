// Package canary_test looks for secrets where none may be.
package canary_test

import (
	"bytes"
	"encoding/base32"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/idempotency"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	first  = "Canary-Horse-7-Battery"
	second = "Canary-Wagon-9-Umbrella"
	typo   = "Canary-Typed-By-Mistake-3"
)

// secrets are the secrets that a user received or typed, by their kind.
type secrets map[string]string

var tokenForm = regexp.MustCompile(`token=([^\s]+)`)

// live does everything that makes secrets.
func live(t *testing.T, s *kit.Services) secrets {
	t.Helper()
	found := secrets{"the first password": first, "the second password": second, "a mistyped password": typo}
	john := s.Register(t, "john", first, "user")
	signedIn, by := s.SignIn(t, "john", first, "203.0.113.9")
	found["an access token"], found["a refresh token"] = signedIn.Tokens.Access, signedIn.Tokens.Refresh
	next, err := s.Auth.Refresh(t.Context(), kit.From("203.0.113.9"), signedIn.Tokens.Refresh)
	must(t, err)
	found["the next refresh token"] = next.Tokens.Refresh
	_, _ = s.Auth.Login(t.Context(), kit.From("203.0.113.9"), auth.LoginInput{Name: "john", Password: typo})
	// the password as a name
	_, _ = s.Auth.Login(t.Context(), kit.From("203.0.113.9"), auth.LoginInput{Name: typo, Password: typo})

	shown, err := s.Factor.Enroll(t.Context(), by, john.ID, factor.EnrollInput{})
	must(t, err)
	found["the TOTP secret"] = shown.Setup.Secret
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(shown.Setup.Secret)
	must(t, err)
	found["the raw TOTP secret"] = string(raw)
	for i, code := range shown.BackupCodes {
		found[fmt.Sprint("backup code ", i)] = code
	}
	code, err := totp.GenerateCode(shown.Setup.Secret, s.Clock.Now())
	must(t, err)
	must(t, s.Factor.Activate(t.Context(), by, john.ID, code))

	key, err := s.Keys.Create(t.Context(), by, john.ID, apikey.CreateInput{Name: "k", Permissions: []string{"bots.use"}})
	must(t, err)
	found["an API key"], found["the secret in an API key"] = key.Text, key.Text[len(key.Text)-38:len(key.Text)-6]
	run, _, err := s.Idempotency.Begin(t.Context(), by,
		idempotency.Request{Operation: "POST /x", Key: "canary-key", Body: []byte("{}")})
	must(t, err)
	must(t, run.Complete(t.Context(), []byte(key.Text)))

	_, err = s.Account.RequestReset(t.Context(), kit.From("203.0.113.9"), "john@example.com")
	must(t, err)
	found["a reset token"] = emailToken(t, s)
	must(t, s.Account.Reset(t.Context(), kit.From("203.0.113.9"), found["a reset token"], second))
	invited, err := s.Account.Create(t.Context(), domain.Operator(),
		account.NewUser{Username: "ann", Email: "ann@example.com"})
	must(t, err)
	_ = invited
	found["an activation token"] = emailToken(t, s)
	// One more reset, whose email is still queued.
	_, err = s.Account.RequestReset(t.Context(), kit.From("203.0.113.9"), "john@example.com")
	must(t, err)
	return found
}

func emailToken(t *testing.T, s *kit.Services) string {
	t.Helper()
	for _, email := range s.SentEmails(t) {
		if m := tokenForm.FindStringSubmatch(email.Text); m != nil {
			return m[1]
		}
	}
	t.Fatal("no email with a token")
	return ""
}

func TestNoSecretIsStoredInPlainText(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	found := live(t, s)
	files, err := filepath.Glob(filepath.Join(s.Dir, "*"))
	must(t, err)
	searched := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		must(t, err)
		searched += len(raw)
		for what, secret := range found {
			if bytes.Contains(raw, []byte(secret)) {
				t.Errorf("%s is in %s", what, filepath.Base(file))
			}
		}
		if bytes.Contains(raw, []byte("token=")) {
			t.Errorf("a link of an email is in %s", filepath.Base(file))
		}
	}
	if searched == 0 {
		t.Fatal("nothing was searched")
	}
}

func TestNoSecretIsInTheAuditLogOrUserResponses(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	found := live(t, s)
	s.Clock.Forward(time.Second)
	var out bytes.Buffer
	export, err := s.Audit.Export(t.Context(), domain.Operator(), audit.ExportRequest{Format: audit.FormatNDJSON})
	must(t, err)
	must(t, export.WriteTo(t.Context(), &out))
	john, err := s.Account.Find(t.Context(), domain.Operator(), "john")
	must(t, err)
	keys, err := s.Keys.List(t.Context(), domain.Operator(), john.ID, domain.Page{})
	must(t, err)
	seen, err := json.Marshal(keys) //nolint:musttag // everything, whatever its name
	must(t, err)
	for what, secret := range found {
		if bytes.Contains(out.Bytes(), []byte(secret)) {
			t.Errorf("%s is in the audit log", what)
		}
		if bytes.Contains(seen, []byte(secret)) {
			t.Errorf("%s is in the list of keys", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
