package ports

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// OneTimeCodes implements time-based one-time passwords (RFC 6238): SHA-1, six digits, steps of 30 seconds, which
// every authenticator app supports.
type OneTimeCodes interface {
	// NewSecret returns 160 random bits.
	NewSecret() ([]byte, error)
	// Describe returns the secret in the forms needed for setup: in base32, as an otpauth URI and as a QR code of the
	// URI.
	Describe(secret []byte, issuer, account string) (domain.FactorSetup, error)
	// Match returns the time step of the code: the current one, the one before or the one after. The code is six
	// ASCII digits; any other text matches no step.
	Match(secret []byte, code string, now time.Time) (step int64, ok bool)
}
