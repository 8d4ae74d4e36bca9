package userimport

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// atOnce is the number of users written concurrently: enough for the store to group its commits.
const atOnce = 256

// Users imports a batch of users. It requires a principal with "*", since an import assigns roles and passwords to
// any user. The error is an outage; users imported before it remain. Of rows that share a name or an address the
// first valid one wins.
func (s *Service) Users(ctx context.Context, by domain.Principal, batch Batch) ([]Result, error) {
	if err := by.Require(domain.PermissionAll); err != nil {
		return nil, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	catalog = s.foresee(catalog, batch)
	r := run{Service: s, by: by, batch: batch, results: make([]Result, len(batch.Users)), claimed: map[string]*domain.User{}}
	first, later, err := r.rows(catalog)
	if err != nil {
		return r.results, err
	}
	if err := r.together(ctx, first); err != nil {
		return r.results, err
	}
	return r.results, r.inTurn(ctx, later)
}

// run is one batch in progress.
type run struct {
	*Service

	by      domain.Principal
	batch   Batch
	results []Result
	claimed map[string]*domain.User // in a dry run: users of earlier rows, by name and by address
}

// row is a valid row of the batch.
type row struct {
	at   int
	user domain.User
	note string // about a hash that was dropped
}

// rows returns the valid rows, separated by whether they share a name or an address with an earlier one.
func (r *run) rows(catalog *domain.Catalog) (first, later []row, err error) {
	seen := map[string]bool{}
	for i := range r.batch.Users {
		in := r.batch.Users[i]
		note := r.dropHash(&r.batch, &in)
		user, err := r.draft(catalog, &in)
		if err != nil {
			if r.results[i], err = refused(err); err != nil {
				return nil, nil, err
			}
			continue
		}
		if seen[user.UsernameKey] || seen[user.EmailKey] {
			later = append(later, row{i, user, note})
		} else {
			first = append(first, row{i, user, note})
		}
		seen[user.UsernameKey], seen[user.EmailKey] = true, true
	}
	return first, later, nil
}

// together imports rows without common names or addresses concurrently.
func (r *run) together(ctx context.Context, rows []row) error {
	failures := make([]error, len(rows))
	var running sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for n := range rows {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			r.results[rows[n].at], failures[n] = r.user(ctx, &rows[n])
		})
	}
	running.Wait()
	for n := range rows {
		r.claim(&rows[n])
	}
	return errors.Join(failures...)
}

// inTurn imports rows that share a name or an address with an earlier one, in order.
func (r *run) inTurn(ctx context.Context, rows []row) (err error) {
	for n := range rows {
		if r.results[rows[n].at], err = r.user(ctx, &rows[n]); err != nil {
			return err
		}
		r.claim(&rows[n])
	}
	return nil
}

func (r *run) claim(row *row) {
	if r.batch.DryRun && r.results[row.at].Outcome == Created {
		r.claimed[row.user.UsernameKey], r.claimed[row.user.EmailKey] = &row.user, &row.user
	}
}

func (r *run) user(ctx context.Context, row *row) (Result, error) {
	in, user := &r.batch.Users[row.at], &row.user
	if result, done, err := r.present(ctx, user, in.Identifier); done || err != nil {
		return result, err
	}
	if r.batch.DryRun {
		return Result{Outcome: Created, Reason: row.note}, nil
	}
	var out domain.Outbox
	if row.note != "" && user.Status == domain.StatusPending {
		if err := r.deps.Emails.Invite(user, &out); err != nil {
			return Result{}, err
		}
	}
	out.Record(r.deps.AuditWriter.Entry(r.by, domain.ActionUserCreate, string(user.ID), audit.Detail("source", "import"),
		audit.Detail("role", string(user.Role)), audit.Detail("status", string(user.Status)), audit.Personal("username", user.Username)))
	if err := r.deps.Access.CreateUser(ctx, user, out); err != nil {
		return refused(err)
	}
	var notes []string
	if row.note != "" {
		notes = append(notes, row.note)
	}
	if in.Identifier != "" && user.Identifier != in.Identifier {
		notes = append(notes, "the identifier belongs to another user: it is now "+user.Identifier)
	}
	return Result{Outcome: Created, Reason: strings.Join(notes, "; ")}, nil
}

// refused distinguishes an invalid row from an outage.
func refused(err error) (Result, error) {
	f := fault.Of(err)
	if f.Kind == fault.Internal || f.Kind == fault.Unavailable {
		return Result{}, err
	}
	var reasons []string
	for _, d := range f.Details() {
		reasons = append(reasons, d.Field+" "+d.Reason)
	}
	if len(reasons) == 0 {
		reasons = []string{f.Message}
	}
	return Result{Outcome: Refused, Reason: strings.Join(reasons, "; ")}, nil
}

// present checks whether the user exists already: the same name, and the same address or identifier.
func (r *run) present(ctx context.Context, user *domain.User, identifier string) (Result, bool, error) {
	found, err := r.find(ctx, user.UsernameKey)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return r.addressTaken(ctx, user)
	case err != nil:
		return Result{}, false, err
	case found.UsernameKey == user.UsernameKey && (found.EmailKey == user.EmailKey || identifier != "" && found.Identifier == identifier):
		return Result{Outcome: Unchanged}, true, nil
	}
	return Result{Outcome: Refused, Reason: "username is taken by another user"}, true, nil
}

// addressTaken refuses a row whose address another user has, also as their name.
func (r *run) addressTaken(ctx context.Context, user *domain.User) (Result, bool, error) {
	_, err := r.find(ctx, user.EmailKey)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return Result{}, false, nil
	case err != nil:
		return Result{}, false, err
	}
	return Result{Outcome: Refused, Reason: "email is taken by another user"}, true, nil
}

// find returns the user who signs in with the key, or in a dry run would.
func (r *run) find(ctx context.Context, key string) (domain.User, error) {
	if user, ok := r.claimed[key]; ok {
		return *user, nil
	}
	return r.deps.Users.FindByLogin(ctx, key)
}
