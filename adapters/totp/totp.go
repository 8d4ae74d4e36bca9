// Package totp implements time-based one-time passwords with github.com/pquerna/otp.
//
// Each time step is checked through HOTP (RFC 4226) on its own instead of the library's window, so that the caller
// gets the step of a code and can mark it as used.
package totp

import (
	"bytes"
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

const (
	// secretLength is that of the HMAC's output, as RFC 4226 section 4 recommends: 160 bits.
	secretLength = 20
	period       = 30
	digits       = 6
	// skew is the number of steps a code may be early or late (RFC 6238 section 5.2 recommends at most one).
	skew = 1
	// pictureSize is the side of the QR code in pixels.
	pictureSize = 256
)

var encoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// Codes implements ports.OneTimeCodes. It has no state and is safe for concurrent use.
type Codes struct{}

var _ ports.OneTimeCodes = Codes{}

// New returns the codes.
func New() Codes { return Codes{} }

// NewSecret returns 160 random bits.
func (Codes) NewSecret() ([]byte, error) {
	secret := make([]byte, secretLength)
	if _, err := rand.Read(secret); err != nil {
		return nil, fmt.Errorf("making a secret: %w", err)
	}
	return secret, nil
}

// Describe returns the secret in base32, as an otpauth URI and as a QR code of that.
func (Codes) Describe(secret []byte, issuer, account string) (domain.FactorSetup, error) {
	text := encoding.EncodeToString(secret)
	// The colon separates issuer and account in the label, so neither may hold one.
	issuer, account = strings.ReplaceAll(issuer, ":", " "), strings.ReplaceAll(account, ":", " ")
	uri := "otpauth://totp/" + escape(issuer) + ":" + escape(account) + "?secret=" + text + "&issuer=" + escape(issuer) +
		fmt.Sprintf("&algorithm=SHA1&digits=%d&period=%d", digits, period)
	key, err := otp.NewKeyFromURL(uri)
	if err != nil {
		return domain.FactorSetup{}, fmt.Errorf("describing a secret: %w", err)
	}
	picture, err := key.Image(pictureSize, pictureSize)
	if err != nil {
		return domain.FactorSetup{}, fmt.Errorf("drawing a QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, picture); err != nil {
		return domain.FactorSetup{}, fmt.Errorf("drawing a QR code: %w", err)
	}
	return domain.FactorSetup{
		Secret: text, URI: uri, QRCode: "data:image/png;base64," + base64.StdEncoding.EncodeToString(b.Bytes()),
	}, nil
}

// escape encodes a text for both parts of the URI. Apps differ in what they take a plus sign and a space for, so that
// neither is left.
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }

// Match returns the time step of the code. The nearest step is checked first, and all three are always checked, so
// that the response time reveals nothing.
func (Codes) Match(secret []byte, code string, now time.Time) (int64, bool) {
	if len(code) != digits || strings.Trim(code, "0123456789") != "" {
		return 0, false
	}
	text := encoding.EncodeToString(secret)
	present := now.Unix() / period
	var step int64
	var found bool
	for _, offset := range [...]int64{0, -skew, skew} {
		at := present + offset
		if at < 0 {
			continue
		}
		ok, err := hotp.ValidateCustom(code, uint64(at), text,
			hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err == nil && ok && !found {
			step, found = at, true
		}
	}
	return step, found
}
