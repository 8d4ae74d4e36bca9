package oidcdir

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// longestToken limits a token before it is parsed; ID tokens with many groups reach tens of KiB.
	longestToken   = 64 << 10
	longestSubject = 255 // OpenID Connect Core 1.0 section 2
)

// idToken is a verified ID token.
type idToken struct {
	issuer   string
	subject  string
	session  string
	authTime time.Time
	claims   claims
}

// idTokenWants is what an ID token must match. Zero fields are not checked.
type idTokenWants struct {
	nonce         string
	accessToken   string
	notBefore     time.Time
	signedInAfter time.Time // at the provider
}

// checkIDToken verifies a token according to OpenID Connect Core 1.0 section 3.1.3.7 and RFC 8725. The library
// verifies signature, issuer, audience, exp and nbf; the rest is done here.
func (d *Directory) checkIDToken(ctx context.Context, m *metadata, raw string, want idTokenWants) (*idToken, error) {
	if err := checkForm(raw, "", "JWT"); err != nil {
		return nil, err
	}
	keys := &observedKeys{ring: m.keys}
	verified, err := d.verifier(keys).Verify(ctx, raw)
	if err != nil {
		return nil, keys.failure(err)
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return nil, refuse("the ID token's claims are not plain JSON: %v", err)
	}
	token := &idToken{issuer: c.text("iss"), subject: c.text("sub"), session: c.text("sid"), claims: c}
	if err := cmp.Or(
		d.checkParties(c),
		checkSubject(token.subject),
		d.checkTimes(c, want),
		checkNonce(c, want.nonce),
		checkAccessToken(verified, c, want.accessToken),
		checkPurpose(c),
	); err != nil {
		return nil, err
	}
	token.authTime, _ = c.time("auth_time")
	return token, nil
}

// checkForm refuses malformed compact JWS and tokens of another type. The alphabet is checked first, since some
// decoders ignore line feeds.
func checkForm(raw string, types ...string) error {
	if len(raw) > longestToken {
		return refuse("the token is longer than %d bytes", longestToken)
	}
	if strings.Trim(raw, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.") != "" ||
		strings.Count(raw, ".") != 2 {
		return refuse("the token is no signed JWT in compact form")
	}
	head, _, _ := strings.Cut(raw, ".")
	decoded, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil {
		return refuse("the token's header is not base64url")
	}
	var header claims
	if json.Unmarshal(decoded, &header) != nil {
		return refuse("the token's header is not plain JSON")
	}
	typ, present := header["typ"]
	if !present {
		typ = ""
	}
	text, ok := typ.(string)
	for _, allowed := range types {
		if ok && strings.EqualFold(strings.TrimPrefix(strings.ToLower(text), "application/"), allowed) {
			return nil
		}
	}
	return refuse("the token's type is %q", text)
}

// observedKeys records why a signature could not be verified: the library reduces that to text.
type observedKeys struct {
	ring *keyRing
	err  error
}

// VerifySignature implements oidc.KeySet.
func (o *observedKeys) VerifySignature(ctx context.Context, token string) ([]byte, error) {
	payload, err := o.ring.VerifySignature(ctx, token)
	o.err = err
	return payload, err
}

// failure returns the outage that prevented the verification, or otherwise a refusal with its reason.
func (o *observedKeys) failure(err error) error {
	if errors.Is(o.err, domain.ErrDirectoryUnavailable) {
		return o.err
	}
	return refuse("%s", strings.TrimPrefix(err.Error(), "oidc: "))
}

// verifier is created for each token: it has three words, and the keys are cached behind it.
func (d *Directory) verifier(keys oidc.KeySet) *oidc.IDTokenVerifier {
	return oidc.NewVerifier(d.issuer, keys, &oidc.Config{
		ClientID:             d.settings.ClientID,
		SupportedSigningAlgs: d.settings.Algorithms,
		SkipIssuerCheck:      d.settings.Entra.MultiTenant, // then checkParties does it, by tenant
		Now:                  d.now,
	})
}

// checkParties checks the claims by their exact names: the library accepts "ISS" for "iss".
func (d *Directory) checkParties(c claims) error {
	issuer, allowed := d.issuerOf(c.text("tid"))
	if !allowed {
		return refuse("the tenant %q may not sign in", c.text("tid"))
	}
	// The library also accepts "accounts.google.com" for Google's issuer. Here a second spelling would be a second
	// person.
	if c.text("iss") != issuer {
		return refuse("the token's issuer is %q, not %q", c.text("iss"), issuer)
	}
	audience := c.values("aud")
	if !slices.Contains(audience, d.settings.ClientID) {
		return refuse("the token is for %q, not for us", audience)
	}
	party, present := c["azp"]
	switch {
	case present && party != d.settings.ClientID:
		return refuse("the token's authorized party (azp) is another client")
	case !present && len(audience) > 1:
		return refuse("the token is for several clients and names no authorized party (azp)")
	}
	return nil
}

func checkSubject(subject string) error {
	if subject == "" || len(subject) > longestSubject {
		return refuse("the token's subject is missing, no text, or longer than %d", longestSubject)
	}
	for _, r := range subject {
		if r < ' ' || r == 0x7f {
			return refuse("the token's subject holds control characters")
		}
	}
	return nil
}

func (d *Directory) checkTimes(c claims, want idTokenWants) error {
	now, skew := d.now(), d.settings.ClockSkew
	issued, ok := c.time("iat")
	expires, expiresOK := c.time("exp")
	switch {
	case !ok || !expiresOK:
		return refuse("the token lacks iat or exp")
	case now.After(expires):
		return refuse("the token has expired")
	case issued.After(now.Add(skew)):
		return refuse("the token was issued in the future: the clocks differ by at least %s",
			issued.Sub(now).Round(time.Second))
	case !want.notBefore.IsZero() && issued.Before(want.notBefore.Add(-skew)):
		return refuse("the token was issued before the sign-in began")
	}
	return checkAuthTime(c, want, now, skew)
}

func checkAuthTime(c claims, want idTokenWants, now time.Time, skew time.Duration) error {
	at, ok := c.time("auth_time")
	switch {
	case ok && at.After(now.Add(skew)):
		return refuse("the token's auth_time is in the future")
	case want.signedInAfter.IsZero():
		return nil
	case !ok:
		return refuse("the token lacks auth_time, which max_age asks for")
	case at.Before(want.signedInAfter.Add(-skew)):
		return refuse("the person signed in at the provider %s ago, which is longer than max_age",
			now.Sub(at).Round(time.Second))
	}
	return nil
}

func checkNonce(c claims, want string) error {
	if want != "" && subtle.ConstantTimeCompare([]byte(c.text("nonce")), []byte(want)) != 1 {
		return refuse("the token's nonce is not the one of the sign-in")
	}
	return nil
}

func checkAccessToken(verified *oidc.IDToken, c claims, accessToken string) error {
	hash, present := c["at_hash"]
	if !present || accessToken == "" {
		return nil
	}
	if hash != verified.AccessTokenHash || verified.VerifyAccessToken(accessToken) != nil {
		return refuse("the token's at_hash does not fit the access token")
	}
	return nil
}

// checkPurpose refuses signed tokens of the same provider and client that were issued for another purpose.
func checkPurpose(c claims) error {
	if _, present := c["events"]; present {
		return refuse("the token is a security event, not an ID token")
	}
	// Keycloak writes the type into the claims as well.
	switch c.text("typ") {
	case "Bearer", "Refresh", "Offline", "Logout":
		return refuse("the token is of type %q, not an ID token", c.text("typ"))
	}
	return nil
}
