package opaquetoken_test

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
)

const (
	ulid   = "01hz8k3v9w2x4y6z8a0b2c4d6e"
	secret = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"

	apiKey     = "sk_live_" + ulid + "Zx81Qm0LpT3vKc7YdR2sWf5NhJ9bGa4E1SZ2Cq"
	sessionKey = "ouk_" + ulid + secret
	userToken  = "ost_" + ulid + secret
	refresh    = "ort_" + ulid + "_7_WW6JpxLOSQLirtp4ziQw6zHHreibXq7EAWkwhpJV3Z4"
	thirdParty = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJyb2xlIjoiYWRtaW4ifQ.x"
)

// familyKey is the key of the family of refresh.
var familyKey = []byte("\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f" +
	"\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f")

// The literal tokens have the formats of the first release. Their formats and digests must never change: clients hold
// such tokens, and stores hold such digests.
func TestTokensOfEarlierVersionsAreAccepted(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		kind             opaquetoken.Kind
		text, id, digest string
	}{
		"API key": {
			opaquetoken.APIKey, apiKey, "key_" + ulid,
			"1457f5286ac3c5733fbccfb5ae2b08dab118b1d84acd64485c4cc5d2bef7ab3e",
		},
		"session key": {
			opaquetoken.SessionKey, sessionKey, "sess_" + ulid,
			"05088c09c19570d6f55e707541c8a89b5f91ab91fd377162b4a28c8c6fae9cd6",
		},
		"user token": {
			opaquetoken.UserToken, userToken, "usr_" + ulid,
			"67a4f79f9900bfc2fd30006c48d2cb16701f992c32f0a39ad641212a1e8d87d1",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if id, ok := opaquetoken.Parse[string](test.kind, test.text); !ok || id != test.id {
				t.Errorf("parsed %q, %v, want %q", id, ok, test.id)
			}
			digest, err := hex.DecodeString(test.digest)
			if err != nil || !opaquetoken.Matches(digest, test.text) {
				t.Errorf("the digest is %x, %v, want %s", opaquetoken.Digest(test.text), err, test.digest)
			}
		})
	}
	id, counter, ok := opaquetoken.ParseRefresh(refresh)
	if !ok || id != "sess_"+ulid || counter != 7 || opaquetoken.NewRefresh(id, counter, familyKey) != refresh {
		t.Errorf("the refresh token is of %s, %d, %v", id, counter, ok)
	}
	if got := opaquetoken.Fingerprint(secret); got != "6oZqdX5MOLq_qBJ8vppAnT4fk6AP8UiP9zX8-Rev_9A" ||
		!opaquetoken.IsFingerprint(got) {
		t.Errorf("the fingerprint of a secret is %s", got)
	}
}

func TestKindOfRecognizesEachCredential(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]opaquetoken.Kind{
		apiKey: opaquetoken.APIKey, sessionKey: opaquetoken.SessionKey, userToken: opaquetoken.UserToken,
		refresh:    opaquetoken.Refresh,
		thirdParty: opaquetoken.ThirdParty, "sk_live_": opaquetoken.APIKey, "": opaquetoken.AccessToken,
		"SK_LIVE_x": opaquetoken.AccessToken,
		"eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCJ9.e30.x": opaquetoken.AccessToken,
	} {
		if got := opaquetoken.KindOf(text); got != want {
			t.Errorf("KindOf(%q) = %q, want %q", text, got, want)
		}
	}
}

func TestNewTokensAreParsedAndDiffer(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for kind, length := range map[opaquetoken.Kind]int{
		opaquetoken.APIKey: 72, opaquetoken.SessionKey: 73,
		opaquetoken.UserToken: 73,
	} {
		parsed, ok := opaquetoken.Parse[string](kind, map[opaquetoken.Kind]string{
			opaquetoken.APIKey: apiKey, opaquetoken.SessionKey: sessionKey, opaquetoken.UserToken: userToken,
		}[kind])
		if !ok {
			t.Fatalf("%q is not parsed", kind)
		}
		for range 50 {
			text := opaquetoken.New(kind, parsed)
			id, ok := opaquetoken.Parse[string](kind, text)
			if !ok || id != parsed || len(text) != length || seen[text] || opaquetoken.KindOf(text) != kind {
				t.Fatalf("a token of kind %q has the ID %q, %v, and %d characters", kind, id, ok, len(text))
			}
			seen[text] = true
		}
	}
	if got := opaquetoken.Displayed(apiKey); got != "sk_live_01hz8k3v9w2x" {
		t.Errorf("an API key is displayed as %q", got)
	}
}

func TestUserTokensExpireByPurpose(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for purpose, life := range map[domain.TokenPurpose]time.Duration{
		domain.TokenActivation: 7 * 24 * time.Hour, domain.TokenReset: 30 * time.Minute, domain.TokenLink: 30 * time.Minute,
		domain.TokenChange: 10 * time.Minute, domain.TokenEmail: 24 * time.Hour,
	} {
		text, record := opaquetoken.ForUser("usr_"+ulid, purpose, now)
		if record.Purpose != purpose || !record.ExpiresAt.Equal(now.Add(life)) || !opaquetoken.Matches(record.Digest, text) {
			t.Errorf("a token to %s is %+v", purpose, record)
		}
	}
}

func TestAlteredTokensAreNotParsed(t *testing.T) {
	t.Parallel()
	for kind, text := range map[opaquetoken.Kind]string{
		opaquetoken.APIKey: apiKey, opaquetoken.SessionKey: sessionKey, opaquetoken.UserToken: userToken,
	} {
		for _, altered := range []string{
			"", text[1:], text + "A", text[:len(text)-1], strings.ToUpper(text),
			strings.Replace(text, ulid, ulid[:25]+"_", 1), refresh,
		} {
			if id, ok := opaquetoken.Parse[string](kind, altered); ok {
				t.Errorf("%q is parsed as a %q token of %s", altered, kind, id)
			}
		}
	}
	for i := range apiKey { // the checksum covers every character
		altered := []byte(apiKey)
		if altered[i] = 'a'; apiKey[i] == 'a' {
			altered[i] = 'b'
		}
		if _, ok := opaquetoken.Parse[string](opaquetoken.APIKey, string(altered)); ok {
			t.Errorf("%q is parsed", altered)
		}
	}
	for _, altered := range []string{
		"", "ort_", "ort_" + ulid + "_7", "ort_" + ulid + "_-1_x", "ort_" + ulid + "_x_x",
		refresh + strings.Repeat("A", 256), sessionKey,
	} {
		if _, _, ok := opaquetoken.ParseRefresh(altered); ok {
			t.Errorf("%q is parsed", altered)
		}
	}
}

func FuzzParseRefresh(f *testing.F) {
	f.Add(refresh)
	f.Fuzz(func(t *testing.T, text string) {
		id, counter, ok := opaquetoken.ParseRefresh(text)
		if !ok {
			return
		}
		if _, err := domain.ParseSessionID(string(id)); err != nil || counter < 0 {
			t.Errorf("%q is of %q, %d", text, id, counter)
		}
	})
}
