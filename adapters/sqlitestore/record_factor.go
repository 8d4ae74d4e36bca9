package sqlitestore

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

type factorRecord struct {
	Method      domain.Method    `json:"method,omitempty"`
	EnabledAt   time.Time        `json:"enabled_at,omitzero"`
	Secret      []byte           `json:"secret,omitempty"`
	LastStep    int64            `json:"last_step,omitempty"`
	PhoneNumber string           `json:"phone_number,omitempty"`
	Backup      backupRecord     `json:"backup,omitzero"`
	Challenge   *challengeRecord `json:"challenge,omitempty"`
	Pending     *enrolmentRecord `json:"pending,omitempty"`
}

// IsZero keeps users without a second factor short.
func (r factorRecord) IsZero() bool {
	return r.Method == "" && r.EnabledAt.IsZero() && r.Secret == nil && r.LastStep == 0 && r.PhoneNumber == "" &&
		r.Backup.IsZero() && r.Challenge == nil && r.Pending == nil
}

type backupRecord struct {
	Salt   []byte   `json:"salt,omitempty"`
	Hashes [][]byte `json:"hashes,omitempty"`
}

// IsZero keeps factors without backup codes short.
func (r backupRecord) IsZero() bool { return r.Salt == nil && r.Hashes == nil }

type challengeRecord struct {
	Digest    []byte    `json:"digest"`
	ExpiresAt time.Time `json:"expires_at,omitzero"`
	Tries     int       `json:"tries,omitempty"`
}

type enrolmentRecord struct {
	Method      domain.Method    `json:"method"`
	Secret      []byte           `json:"secret,omitempty"`
	PhoneNumber string           `json:"phone_number,omitempty"`
	Backup      backupRecord     `json:"backup,omitzero"`
	Challenge   *challengeRecord `json:"challenge,omitempty"`
	ExpiresAt   time.Time        `json:"expires_at,omitzero"`
	Tries       int              `json:"tries,omitempty"`
}

func newFactorRecord(f *domain.Factor) factorRecord {
	r := factorRecord{
		Method: f.Method, EnabledAt: f.EnabledAt, Secret: f.Secret, LastStep: f.LastStep, PhoneNumber: f.PhoneNumber,
		Backup: backupRecord(f.Backup), Challenge: (*challengeRecord)(f.Challenge),
	}
	if p := f.Pending; p != nil {
		r.Pending = &enrolmentRecord{
			Method: p.Method, Secret: p.Secret, PhoneNumber: p.PhoneNumber, Backup: backupRecord(p.Backup),
			Challenge: (*challengeRecord)(p.Challenge), ExpiresAt: p.ExpiresAt, Tries: p.Tries,
		}
	}
	return r
}

func (r factorRecord) domain() domain.Factor {
	f := domain.Factor{
		Method: r.Method, EnabledAt: r.EnabledAt, Secret: r.Secret, LastStep: r.LastStep, PhoneNumber: r.PhoneNumber,
		Backup: domain.BackupCodes(r.Backup), Challenge: (*domain.CodeChallenge)(r.Challenge),
	}
	if p := r.Pending; p != nil {
		f.Pending = &domain.Enrolment{
			Method: p.Method, Secret: p.Secret, PhoneNumber: p.PhoneNumber, Backup: domain.BackupCodes(p.Backup),
			Challenge: (*domain.CodeChallenge)(p.Challenge), ExpiresAt: p.ExpiresAt, Tries: p.Tries,
		}
	}
	return f
}
