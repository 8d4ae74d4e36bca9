package totp_test

import (
	"bytes"
	"encoding/base64"
	"image/png"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/totp"
)

// rfcSecret is that of the test vectors of RFC 6238 appendix B; our codes are the last six of its eight digits.
var rfcSecret = []byte("12345678901234567890")

func TestOnlyCurrentAndAdjacentStepsMatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		code     string
		now      int64
		wantStep int64
		want     bool
	}{
		"the vector at 59 s":                   {"287082", 59, 1, true},
		"the vector at 1111111109 s":           {"081804", 1111111109, 37037036, true},
		"the vector at 20000000000 s":          {"353130", 20000000000, 666666666, true},
		"one step early":                       {"287082", 29, 1, true},
		"one step late":                        {"287082", 89, 1, true},
		"two steps late is refused":            {"287082", 90, 0, false},
		"two steps early is refused":           {"081804", 1111111109 - 60, 0, false},
		"a wrong code is refused":              {"287083", 59, 0, false},
		"an empty code is refused":             {"", 59, 0, false},
		"a longer code is refused":             {"94287082", 59, 0, false},
		"digits of another script are refused": {"２８７０８２", 59, 0, false},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			step, ok := totp.New().Match(rfcSecret, tc.code, time.Unix(tc.now, 0))
			if ok != tc.want || step != tc.wantStep {
				t.Errorf("Match() = %d, %t, want %d, %t", step, ok, tc.wantStep, tc.want)
			}
		})
	}
}

func TestSecretHas160BitsAndAQRCode(t *testing.T) {
	t.Parallel()
	codes := totp.New()
	secret, err := codes.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	setup, err := codes.Describe(secret, "Ostiary", "john doe")
	if err != nil {
		t.Fatal(err)
	}
	if len(setup.Secret) != 32 {
		t.Errorf("the secret has %d base32 characters, want 32", len(setup.Secret))
	}
	if want := "otpauth://totp/Ostiary:john%20doe?secret=" + setup.Secret +
		"&issuer=Ostiary"; !strings.HasPrefix(setup.URI, want) {
		t.Errorf("the URI does not begin with its label, secret and issuer")
	}
	raw, ok := strings.CutPrefix(setup.QRCode, "data:image/png;base64,")
	if !ok {
		t.Fatal("the picture is no PNG data URL")
	}
	picture, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := png.Decode(bytes.NewReader(picture)); err != nil {
		t.Errorf("the picture cannot be read: %v", err)
	}
}

// TestTheURIKeepsEveryCharacterOfIssuerAndAccount: apps take a plus sign for a space, and know an entry by issuer and
// account.
func TestTheURIKeepsEveryCharacterOfIssuerAndAccount(t *testing.T) {
	t.Parallel()
	const issuer, account = "R&D = 100% + more?", "ada+test@example.org/x#y"
	setup, err := totp.New().Describe(make([]byte, 20), issuer, account)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(setup.URI, "+") || !strings.Contains(setup.URI, "ada%2Btest%40example.org") {
		t.Errorf("a plus sign is not written %%2B: %s", setup.URI)
	}
	u, err := url.Parse(setup.URI)
	if err != nil {
		t.Fatal(err)
	}
	if u.Path != "/"+issuer+":"+account || u.Query().Get("issuer") != issuer || u.Query().Get("secret") != setup.Secret {
		t.Errorf("the URI reads as label %q and issuer %q", u.Path, u.Query().Get("issuer"))
	}
	setup, err = totp.New().Describe(make([]byte, 20), "::1", "a:b")
	if err != nil || !strings.HasPrefix(setup.URI, "otpauth://totp/%20%201:a%20b?") {
		t.Errorf("colons are not replaced: %s, %v", setup.URI, err)
	}
}
