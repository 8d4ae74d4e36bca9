package userimport

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const (
	// batchUsers and batchBytes limit the rows that an import holds before it writes them.
	batchUsers = 1000
	batchBytes = 4 << 20
	// maxRows limits one import, and with it the memory of a dry run, which remembers the names of its users.
	maxRows = 1_000_000
)

// Options are the options of an import.
type Options struct {
	Source string // of the rows, for the audit log
	DryRun bool
	// DropUnknownHashes creates users of the built-in directory without their password hash if it is not supported:
	// they are pending, and an activation email is sent.
	DropUnknownHashes bool
	// Report receives each row that is refused or differs from the result.
	Report func(Row)
	// Progress receives the number of rows that are done. It may be nil.
	Progress func(rows int)
	// Renew returns the principal as it is now: the sender of the rows decides how long an import takes, and may lose
	// the permission meanwhile. It is called before each write; nil means that the principal stays.
	Renew func(ctx context.Context) (domain.Principal, error)
}

// Row is the result of one row at a position of the input.
type Row struct {
	At int
	Result
}

// Summary counts the rows of an import by outcome.
type Summary struct{ Created, Unchanged, Refused int }

// Import is one import of any number of rows, in constant memory. It is not safe for concurrent use.
type Import struct {
	service *Service
	by      domain.Principal
	options Options
	summary Summary
	rows    int
	blank   int // lines without a row

	users []User // rows that are not written yet
	at    []int  // positions of users
	bytes int

	// In a dry run: what the earlier rows would have created.
	roles  map[domain.RoleID]domain.Role
	claims *claims
}

// Begin begins an import. It requires system.import.
func (s *Service) Begin(by domain.Principal, options Options) (*Import, error) {
	if err := by.Require(domain.SystemImport); err != nil {
		return nil, err
	}
	return &Import{
		service: s, by: by, options: options, roles: map[domain.RoleID]domain.Role{}, claims: newClaims(),
	}, nil
}

// Refuse records a row that could not be read.
func (i *Import) Refuse(at int, reason string) error {
	if err := i.count(); err != nil {
		return err
	}
	i.report(at, Result{Outcome: Refused, Reason: reason})
	return nil
}

// Role imports a role after the rows before it. The error is an outage; rows before it remain.
func (i *Import) Role(ctx context.Context, at int, role Role) error {
	if err := i.count(); err != nil {
		return err
	}
	if err := i.flush(ctx); err != nil {
		return err
	}
	if err := i.renew(ctx); err != nil {
		return err
	}
	result, err := i.role(ctx, role)
	if err != nil {
		return err
	}
	i.report(at, result)
	return nil
}

// User imports a user whose row has about the given size. The error is as in Role.
func (i *Import) User(ctx context.Context, at, size int, user User) error {
	if err := i.count(); err != nil {
		return err
	}
	i.users, i.at = append(i.users, user), append(i.at, at)
	if i.bytes += size; len(i.at) < batchUsers && i.bytes < batchBytes {
		return nil
	}
	return i.flush(ctx)
}

// Finish imports the rows that are left and, unless it was a dry run, writes the audit entry of the import.
func (i *Import) Finish(ctx context.Context) (Summary, error) {
	if err := i.flush(ctx); err != nil {
		return i.summary, i.BreakOff(ctx, err)
	}
	if i.options.DryRun {
		return i.summary, nil
	}
	return i.summary, i.record(ctx)
}

// BreakOff ends an import that cannot go on. Unless it was a dry run it writes the audit entry, which counts the rows
// of complete batches: each user and role has an entry of its own. It returns the cause, and the error of the write.
func (i *Import) BreakOff(ctx context.Context, cause error) error {
	if i.options.DryRun || i.rows == 0 {
		return cause
	}
	return errors.Join(cause, i.record(context.WithoutCancel(ctx), audit.Failed("broken_off")))
}

// record writes the audit entry of the import.
func (i *Import) record(ctx context.Context, more ...audit.Option) error {
	writer, s := i.service.deps.AuditWriter, i.summary
	return writer.Write(ctx, writer.Entry(i.by, domain.ActionImport, i.options.Source, append([]audit.Option{
		audit.Detail("created", s.Created), audit.Detail("unchanged", s.Unchanged), audit.Detail("refused", s.Refused),
	}, more...)...))
}

func (i *Import) renew(ctx context.Context) error {
	if i.options.Renew == nil {
		return nil
	}
	by, err := i.options.Renew(ctx)
	if err != nil {
		return err
	}
	i.by = by
	return by.Require(domain.SystemImport)
}

// Blank counts a line without a row: a body of empty lines ends at the limit of rows too.
func (i *Import) Blank() error {
	i.blank++
	return i.checkLength()
}

func (i *Import) count() error {
	i.rows++
	return i.checkLength()
}

func (i *Import) checkLength() error {
	if i.rows+i.blank > maxRows {
		return fault.ErrInvalid.About("body", "must be at most 1000000 rows")
	}
	return nil
}

// flush writes the users that were collected.
func (i *Import) flush(ctx context.Context) error {
	if len(i.at) == 0 {
		return nil
	}
	if err := i.renew(ctx); err != nil {
		return err
	}
	results, err := i.writeUsers(ctx)
	if err != nil {
		return err
	}
	for n, result := range results {
		i.report(i.at[n], result)
	}
	i.users, i.at, i.bytes = i.users[:0], i.at[:0], 0
	if i.options.Progress != nil {
		i.options.Progress(i.rows)
	}
	return nil
}

func (i *Import) report(at int, result Result) {
	switch result.Outcome {
	case Created:
		i.summary.Created++
	case Unchanged:
		i.summary.Unchanged++
	case Refused:
		i.summary.Refused++
	}
	if result.Reason != "" {
		i.options.Report(Row{at, result})
	}
}
