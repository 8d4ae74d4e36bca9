package userimport

import (
	"context"

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
	Source            string // of the rows, for the audit log
	DryRun            bool
	DropUnknownHashes bool // as in Batch
	// Report receives each row that is refused or differs from the result.
	Report func(Row)
	// Progress receives the number of rows that are done. It may be nil.
	Progress func(rows int)
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

	users    Batch
	at       []int // positions of users
	bytes    int
	foreseen map[domain.RoleID]domain.Role // in a dry run: roles of earlier rows
}

// Begin begins an import. It requires system.import.
func (s *Service) Begin(by domain.Principal, options Options) (*Import, error) {
	if err := by.Require(domain.SystemImport); err != nil {
		return nil, err
	}
	return &Import{
		service: s, by: by, options: options, foreseen: map[domain.RoleID]domain.Role{},
		users: Batch{DryRun: options.DryRun, DropUnknownHashes: options.DropUnknownHashes, claims: newClaims()},
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
	result, err := i.service.role(ctx, i.by, role, i.foreseen, i.options.DryRun)
	if err != nil {
		return err
	}
	if i.options.DryRun && result.Outcome != Refused {
		i.users.Roles = append(i.users.Roles, role.Name)
	}
	i.report(at, result)
	return nil
}

// User imports a user whose row has about the given size. The error is as in Role.
func (i *Import) User(ctx context.Context, at, size int, user User) error {
	if err := i.count(); err != nil {
		return err
	}
	i.users.Users, i.at = append(i.users.Users, user), append(i.at, at)
	if i.bytes += size; len(i.at) < batchUsers && i.bytes < batchBytes {
		return nil
	}
	return i.flush(ctx)
}

// Finish imports the rows that are left and, unless it was a dry run, writes the audit entry of the import.
func (i *Import) Finish(ctx context.Context) (Summary, error) {
	if err := i.flush(ctx); err != nil || i.options.DryRun {
		return i.summary, err
	}
	s := i.summary
	return s, i.service.Finish(ctx, i.by, i.options.Source, s.Created, s.Unchanged, s.Refused)
}

func (i *Import) count() error {
	if i.rows++; i.rows > maxRows {
		return fault.ErrInvalid.About("body", "must be at most 1000000 rows")
	}
	return nil
}

// flush writes the users that were collected.
func (i *Import) flush(ctx context.Context) error {
	if len(i.at) == 0 {
		return nil
	}
	results, err := i.service.Users(ctx, i.by, i.users)
	if err != nil {
		return err
	}
	for n, result := range results {
		i.report(i.at[n], result)
	}
	i.users.Users, i.at, i.bytes = i.users.Users[:0], i.at[:0], 0
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
