package keyring_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// activeKey opens the key that signs, for tokens that the service itself would never issue.
func (n *node) activeKey(tb testing.TB) (id string, private crypto.Signer) {
	tb.Helper()
	sealer, err := keyring.NewSealer([]keyring.Key{n.kek})
	if err != nil {
		tb.Fatal(err)
	}
	keys, err := n.store.SigningKeys(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, key := range keys {
		if key.State != domain.KeyActive {
			continue
		}
		der, err := sealer.Open(key.Private, "signing_key|"+key.ID+"|private")
		if err != nil {
			tb.Fatal(err)
		}
		parsed, err := x509.ParsePKCS8PrivateKey(der)
		if err != nil {
			tb.Fatal(err)
		}
		private, ok := parsed.(crypto.Signer)
		if !ok {
			tb.Fatalf("the active key is a %T", parsed)
		}
		return key.ID, private
	}
	tb.Fatal("there is no active key")
	return "", nil
}

func (n *node) wire() map[string]any {
	now := n.clock.Now().Unix()
	return map[string]any{
		"iss": issuer, "aud": issuer, "sub": "usr_1", "sid": "sess_1", "jti": "tok_1", "iat": now, "exp": now + 3600,
		"auth_time": now,
	}
}

type header map[jose.HeaderKey]any

func sign(tb testing.TB, algorithm jose.SignatureAlgorithm, key any, claims map[string]any, head header) string {
	tb.Helper()
	options := &jose.SignerOptions{}
	for name, value := range head {
		options.WithHeader(name, value)
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: algorithm, Key: key}, options)
	if err != nil {
		tb.Fatal(err)
	}
	payload, err := json.Marshal(claims)
	if err != nil {
		tb.Fatal(err)
	}
	signed, err := signer.Sign(payload)
	if err != nil {
		tb.Fatal(err)
	}
	token, err := signed.CompactSerialize()
	if err != nil {
		tb.Fatal(err)
	}
	return token
}

func (n *node) refuses(t *testing.T, what, token string) {
	t.Helper()
	_, err := n.Check(t.Context(), token, n.clock.Now())
	if !errors.Is(err, fault.ErrUnauthorized) {
		t.Errorf("%s: %v, want fault.ErrUnauthorized", what, err)
	}
	if err != nil && len(token) > 20 && strings.Contains(err.Error(), token[:20]) {
		t.Errorf("%s: the error quotes the token", what)
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	id, private := n.activeKey(t)
	_, foreign, _ := ed25519.GenerateKey(rand.Reader)
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatalf("the active key is a %T", private)
	}
	jwks, _ := n.KeySet(t.Context())
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	typed := func(more header) header {
		h := header{"typ": "at+jwt", "kid": id}
		maps.Copy(h, more)
		return h
	}
	honest := strings.Split(n.issue(t), ".")
	rs := newNode(t, keyring.RS256)
	_, rsPrivate := rs.activeKey(t)

	for what, token := range map[string]string{
		"alg none": part(map[string]string{"alg": "none", "typ": "at+jwt", "kid": id}) + "." +
			part(n.wire()) + ".",
		"alg none with a signature": part(map[string]string{"alg": "none", "typ": "at+jwt", "kid": id}) + "." +
			part(n.wire()) + "." + honest[2],
		"alg nOnE": part(map[string]string{"alg": "nOnE", "typ": "at+jwt", "kid": id}) + "." +
			part(n.wire()) + ".AA",
		"HS256 under the public key": sign(t, jose.HS256, []byte(public), n.wire(), typed(nil)),
		"HS256 under the key set":    sign(t, jose.HS256, jwks, n.wire(), typed(nil)),
		"a foreign key, our kid":     sign(t, jose.EdDSA, foreign, n.wire(), typed(nil)),
		"a foreign kid":              sign(t, jose.EdDSA, foreign, n.wire(), typed(header{"kid": "other"})),
		"our key, a foreign kid":     sign(t, jose.EdDSA, private, n.wire(), typed(header{"kid": "other"})),
		"a kid that is a path":       sign(t, jose.EdDSA, foreign, n.wire(), typed(header{"kid": "../../x"})),
		"no kid":                     sign(t, jose.EdDSA, private, n.wire(), header{"typ": "at+jwt"}),
		"an embedded jwk": sign(t, jose.EdDSA, foreign, n.wire(),
			typed(header{"jwk": jose.JSONWebKey{Key: foreign.Public()}})),
		"a jku": sign(t, jose.EdDSA, foreign, n.wire(),
			typed(header{"jku": "https://evil.example/jwks.json"})),
		"an x5u": sign(t, jose.EdDSA, foreign, n.wire(),
			typed(header{"x5u": "https://evil.example/cert.pem"})),
		"a critical header": sign(t, jose.EdDSA, private, n.wire(),
			typed(header{"crit": []string{"evil"}, "evil": true})),
		"another algorithm's key":    sign(t, jose.RS256, rsPrivate, n.wire(), typed(nil)),
		"another algorithm of a key": sign(t, jose.PS256, rsPrivate, n.wire(), typed(nil)),
		"claims of another token":    honest[0] + "." + part(n.wire()) + "." + honest[2],
		"no signature":               honest[0] + "." + honest[1] + ".",
		"no claims":                  honest[0] + ".." + honest[2],
		"two parts":                  honest[0] + "." + honest[1],
		"five parts":                 strings.Join(append(honest, "a", "b"), "."),
		"nothing":                    "",
		"two dots":                   "..",
		"a JSON serialization": `{"payload":"` + honest[1] + `","protected":"` + honest[0] + `","signature":"` +
			honest[2] + `"}`,
		"more than four kilobytes":   honest[0] + "." + strings.Repeat("A", 4096) + "." + honest[2],
		"a refresh token's form":     "rt_sess_1_5_abcdef",
		"an API key's form":          "sk_live_abcdef",
		"a token of another service": newNode(t, keyring.EdDSA).issue(t),
	} {
		n.refuses(t, what, token)
	}
	rsID, _ := rs.activeKey(t)
	rs.refuses(t, "PS256 under an RS256 key", sign(t, jose.PS256, rsPrivate, rs.wire(),
		header{"typ": "at+jwt", "kid": rsID}))
	if _, err := n.Check(t.Context(), sign(t, jose.EdDSA, private, n.wire(), typed(nil)), n.clock.Now()); err != nil {
		t.Errorf("the test's own honest token is refused, so the others prove nothing: %v", err)
	}
}

func TestEveryClaimIsRequired(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	id, private := n.activeKey(t)
	head := header{"typ": "at+jwt", "kid": id}
	with := func(claim string, value any) string {
		claims := n.wire()
		claims[claim] = value
		if value == nil {
			delete(claims, claim)
		}
		return sign(t, jose.EdDSA, private, claims, head)
	}
	now := n.clock.Now().Unix()
	for _, claim := range []string{"iss", "sub", "aud", "exp", "iat", "jti", "sid"} {
		n.refuses(t, "no "+claim, with(claim, nil))
		n.refuses(t, "an empty "+claim, with(claim, ""))
		n.refuses(t, "a wrong type of "+claim, with(claim, map[string]any{}))
	}
	for what, token := range map[string]string{
		"another issuer":             with("iss", "https://evil.example"),
		"an issuer with a slash":     with("iss", issuer+"/"),
		"another audience":           with("aud", "https://other.example"),
		"two audiences":              with("aud", []string{issuer, "https://other.example"}),
		"no audience in a list":      with("aud", []string{}),
		"an end in the past":         with("exp", now-1),
		"an end now":                 with("exp", now),
		"an end as text":             with("exp", "9999999999"),
		"a making in the future":     with("iat", now+60),
		"an ID token":                sign(t, jose.EdDSA, private, n.wire(), header{"typ": "JWT", "kid": id}),
		"no type":                    sign(t, jose.EdDSA, private, n.wire(), header{"kid": id}),
		"a logout token":             sign(t, jose.EdDSA, private, n.wire(), header{"typ": "logout+jwt", "kid": id}),
		"a type that is a list":      sign(t, jose.EdDSA, private, n.wire(), header{"typ": []string{"at+jwt"}, "kid": id}),
		"claims that are a list":     sign(t, jose.EdDSA, private, nil, head),
		"an end beyond all integers": with("exp", 1e300),
		"a generation as text":       with("gen", "1"),
	} {
		n.refuses(t, what, token)
	}
	for _, token := range []string{with("aud", []string{issuer}), with("amr", []string{"pwd"}), with("scope", "ignored")} {
		if _, err := n.Check(t.Context(), token, n.clock.Now()); err != nil {
			t.Errorf("an honest token is refused: %v", err)
		}
	}
}

func TestAlteredTokensAreRefused(t *testing.T) {
	t.Parallel()
	for _, algorithm := range []string{keyring.EdDSA, keyring.ES256, keyring.RS256} {
		t.Run(algorithm, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, algorithm)
			token := n.issue(t)
			for i := range len(token) {
				n.refuses(t, "a proper prefix", token[:i])
				n.refuses(t, "a proper suffix", token[i+1:])
			}
			for _, tail := range []string{"\n", "\r\n", " ", "=", "==", "A", ".", "\x00", "%0a"} {
				n.refuses(t, "the token with something after it", token+tail)
				n.refuses(t, "the token with something before it", tail+token)
			}
			n.refuses(t, "the token in lower case", strings.ToLower(token))
			n.refuses(t, "the token in upper case", strings.ToUpper(token))
			// Every change of the last character of each part: decoders pass over its unused bits.
			const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
			first := strings.IndexByte(token, '.')
			for _, at := range []int{first - 1, strings.LastIndexByte(token, '.') - 1, len(token) - 1} {
				for _, c := range alphabet {
					if changed := token[:at] + string(c) + token[at+1:]; changed != token {
						n.refuses(t, "a changed last character", changed)
					}
				}
			}
			if _, err := n.Check(t.Context(), token, n.clock.Now()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestForgedKeyIDsCauseNoStoreReads(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	_, foreign, _ := ed25519.GenerateKey(rand.Reader)
	before := n.store.reads.Load()
	for range 1000 {
		n.refuses(t, "a foreign kid", sign(t, jose.EdDSA, foreign, n.wire(), header{"typ": "at+jwt", "kid": rand.Text()}))
	}
	if reads := n.store.reads.Load() - before; reads > 5 {
		t.Errorf("1,000 forged tokens made %d reads of the store, want 5 at most", reads)
	}
	n.clock.Advance(time.Minute)
	before = n.store.reads.Load()
	n.refuses(t, "a foreign kid", sign(t, jose.EdDSA, foreign, n.wire(), header{"typ": "at+jwt", "kid": "x"}))
	if n.store.reads.Load() == before {
		t.Error("a minute later an unknown key is not looked for")
	}
}

func FuzzCheck(f *testing.F) {
	n := newNode(f, keyring.EdDSA)
	token := n.issue(f)
	f.Add(token)
	f.Add(token + "\n")
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := n.Check(t.Context(), text, n.clock.Now()); (err == nil) != (text == token) {
			t.Errorf("Check(%q) = %v", text, err)
		}
	})
}

func BenchmarkTokens(b *testing.B) {
	for _, algorithm := range []string{keyring.EdDSA, keyring.ES256, keyring.RS256} {
		n := newNode(b, algorithm)
		token := n.issue(b)
		b.Run("issue/"+algorithm, func(b *testing.B) {
			for b.Loop() {
				n.issue(b)
			}
		})
		b.Run("check remembered/"+algorithm, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := n.Check(b.Context(), token, n.clock.Now()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestATokenWithoutAGenerationIsOfTheFirst(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	id, private := n.activeKey(t)
	for want, claims := range map[int64]map[string]any{0: n.wire(), 7: n.wire()} {
		if want != 0 {
			claims["gen"] = want
		}
		token := sign(t, jose.EdDSA, private, claims, header{"typ": "at+jwt", "kid": id})
		got, err := n.Check(t.Context(), token, n.clock.Now())
		if err != nil || got.Generation != want {
			t.Errorf("got generation %d, %v; want %d", got.Generation, err, want)
		}
	}
}
