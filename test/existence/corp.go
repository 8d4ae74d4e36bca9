package existence

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// corp is a directory with a domain suffix that knows no one.
type corp struct{}

func (corp) ID() domain.DirectoryID      { return "corp" }
func (corp) Type() string                { return "empty" }
func (corp) JustInTime() bool            { return true }
func (corp) Suffixes() []string          { return []string{"corp.example"} }
func (corp) Close(context.Context) error { return nil }

// VerifyPassword refuses every name.
func (corp) VerifyPassword(context.Context, ports.Login) (domain.PasswordCheck, error) {
	return domain.PasswordCheck{Outcome: domain.OutcomeBadCredentials}, nil
}

// VerifySubject refuses every subject.
func (corp) VerifySubject(context.Context, domain.Subject, string) (domain.PasswordCheck, error) {
	return domain.PasswordCheck{Outcome: domain.OutcomeBadCredentials}, nil
}
