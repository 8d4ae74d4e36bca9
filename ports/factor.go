package ports

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// OneTimeCodes is the mathematics of time-based one-time passwords (RFC 6238): SHA-1, six digits, steps of 30 seconds, which
// is what every authenticator app speaks.
type OneTimeCodes interface {
	// NewSecret returns 160 random bits.
	NewSecret() ([]byte, error)
	// Describe returns the secret as a person sets it up: in base32, as an otpauth URI and as a picture of that.
	Describe(secret []byte, issuer, account string) (domain.FactorSetup, error)
	// Match returns the time step that the code belongs to: the present one, or the one before or after it. The code is
	// six ASCII digits; anything else matches none.
	Match(secret []byte, code string, now time.Time) (step int64, ok bool)
}
