package userimport

import (
	"context"
	"errors"
	"strings"
	"sync"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// atOnce is the number of users written concurrently: enough for the store to group its commits.
const atOnce = 256

// Users imports a batch of users. It requires system.import; a row whose role or groups the principal may not assign is
// refused. The error is an outage; users imported before it remain. Of rows that share a name or an address the
// first valid one wins.
func (s *Service) Users(ctx context.Context, by domain.Principal, batch Batch) ([]Result, error) {
	if err := by.Require(domain.SystemImport); err != nil {
		return nil, err
	}
	catalog, err := s.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	catalog = s.foresee(catalog, batch)
	r := run{Service: s, by: by, batch: batch, results: make([]Result, len(batch.Users))}
	if r.batch.claims == nil {
		r.batch.claims = newClaims()
	}
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
		if err == nil {
			err = r.mayAssign(catalog, &user)
		}
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
		r.batch.claims.add(&row.user)
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
		audit.Detail("role", string(user.Role)), audit.Detail("status", string(user.Status)), audit.Personal("username",
			user.Username)))
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

// mayAssign returns the refusal of a row whose role or groups the principal may not assign.
func (r *run) mayAssign(catalog *domain.Catalog, user *domain.User) error {
	if err := access.CheckAssign(catalog, r.by, &domain.User{}, user.Role, user.Groups); err != nil {
		return fault.ErrForbidden.Saying("role and groups: you may not assign all their permissions").Because(err)
	}
	if access.GainsRights(catalog, &domain.User{}, user.Role, user.Groups) {
		return r.by.RequireRecent(catalog.Settings.Session, r.deps.Clock.Now())
	}
	return nil
}

// present checks whether the user exists already: the same name, and the same address or identifier.
func (r *run) present(ctx context.Context, user *domain.User, identifier string) (Result, bool, error) {
	own := r.batch.claims.of(user)
	found, err := r.find(ctx, user.UsernameKey)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return r.addressTaken(ctx, user)
	case err != nil:
		return Result{}, false, err
	case found.username == own.username && (found.email == own.email || identifier != "" &&
		found.identifier == own.identifier):
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
func (r *run) find(ctx context.Context, key string) (claimed, error) {
	if found, ok := r.batch.claims.find(key); ok {
		return found, nil
	}
	user, err := r.deps.Users.FindByLogin(ctx, key)
	if err != nil {
		return claimed{}, err
	}
	return r.batch.claims.of(&user), nil
}
