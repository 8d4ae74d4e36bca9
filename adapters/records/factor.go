package records

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Factor is a user's second factor.
type Factor struct {
	Method      domain.Method `json:"method,omitempty"       bson:"method"`
	EnabledAt   time.Time     `json:"enabled_at,omitzero"    bson:"enabledat"`
	Secret      []byte        `json:"secret,omitempty"       bson:"secret"`
	LastStep    int64         `json:"last_step,omitempty"    bson:"laststep"`
	PhoneNumber string        `json:"phone_number,omitempty" bson:"phonenumber"`
	Backup      BackupCodes   `json:"backup,omitzero"        bson:"backup"`
	Challenge   *Challenge    `json:"challenge,omitempty"    bson:"challenge"`
	Pending     *Enrollment   `json:"pending,omitempty"      bson:"pending"`
}

// IsZero reports whether JSON leaves the factor out.
func (r Factor) IsZero() bool {
	return r.Method == "" && r.EnabledAt.IsZero() && r.Secret == nil && r.LastStep == 0 && r.PhoneNumber == "" &&
		r.Backup.IsZero() && r.Challenge == nil && r.Pending == nil
}

// BackupCodes are the hashes of unused backup codes.
type BackupCodes struct {
	Salt   []byte   `json:"salt,omitempty"   bson:"salt"`
	Hashes [][]byte `json:"hashes,omitempty" bson:"hashes"`
}

// IsZero reports whether JSON leaves the codes out.
func (r BackupCodes) IsZero() bool { return r.Salt == nil && r.Hashes == nil }

// Challenge is a code that was sent to a phone.
type Challenge struct {
	Digest    []byte    `json:"digest"              bson:"digest"`
	ExpiresAt time.Time `json:"expires_at,omitzero" bson:"expiresat"`
	Tries     int       `json:"tries,omitempty"     bson:"tries"`
}

// Enrollment is a second factor that waits for its first right code.
type Enrollment struct {
	Method      domain.Method `json:"method"                 bson:"method"`
	Secret      []byte        `json:"secret,omitempty"       bson:"secret"`
	PhoneNumber string        `json:"phone_number,omitempty" bson:"phonenumber"`
	Backup      BackupCodes   `json:"backup,omitzero"        bson:"backup"`
	Challenge   *Challenge    `json:"challenge,omitempty"    bson:"challenge"`
	ExpiresAt   time.Time     `json:"expires_at,omitzero"    bson:"expiresat"`
	Tries       int           `json:"tries,omitempty"        bson:"tries"`
}

func newFactor(f *domain.Factor) Factor {
	r := Factor{
		Method: f.Method, EnabledAt: f.EnabledAt, Secret: f.Secret, LastStep: f.LastStep, PhoneNumber: f.PhoneNumber,
		Backup: BackupCodes(f.Backup), Challenge: (*Challenge)(f.Challenge),
	}
	if p := f.Pending; p != nil {
		r.Pending = &Enrollment{
			Method: p.Method, Secret: p.Secret, PhoneNumber: p.PhoneNumber, Backup: BackupCodes(p.Backup),
			Challenge: (*Challenge)(p.Challenge), ExpiresAt: p.ExpiresAt, Tries: p.Tries,
		}
	}
	return r
}

func (r *Factor) domain() domain.Factor {
	f := domain.Factor{
		Method: r.Method, EnabledAt: r.EnabledAt, Secret: r.Secret, LastStep: r.LastStep, PhoneNumber: r.PhoneNumber,
		Backup: domain.BackupCodes(r.Backup), Challenge: (*domain.CodeChallenge)(r.Challenge),
	}
	if p := r.Pending; p != nil {
		f.Pending = &domain.Enrollment{
			Method: p.Method, Secret: p.Secret, PhoneNumber: p.PhoneNumber, Backup: domain.BackupCodes(p.Backup),
			Challenge: (*domain.CodeChallenge)(p.Challenge), ExpiresAt: p.ExpiresAt, Tries: p.Tries,
		}
	}
	return f
}
