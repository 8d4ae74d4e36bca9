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

// writeUsers imports the users that were collected. A row whose role or groups the principal may not assign is refused.
// The error is an outage; users imported before it remain. Of rows that share a name or an address the first valid one
// wins.
func (i *Import) writeUsers(ctx context.Context) ([]Result, error) {
	catalog, err := i.service.deps.Catalog.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(i.users))
	first, later, err := i.check(i.foresee(catalog), results)
	if err != nil {
		return nil, err
	}
	if err := i.together(ctx, first); err != nil {
		return nil, err
	}
	return results, i.inTurn(ctx, later)
}

// row is a valid row.
type row struct {
	in     *User
	user   domain.User
	note   string // about a hash that was dropped
	result *Result
}

// check returns the valid rows, separated by whether they share a name or an address with an earlier one.
func (i *Import) check(catalog *domain.Catalog, results []Result) (first, later []row, err error) {
	seen := map[string]bool{}
	for n := range i.users {
		in, note := i.users[n], ""
		if i.options.DropUnknownHashes {
			note = i.service.dropHash(&in)
		}
		user, err := i.service.draft(catalog, &in)
		if err == nil {
			err = i.mayAssign(catalog, &user)
		}
		if err != nil {
			if results[n], err = refused(err); err != nil {
				return nil, nil, err
			}
			continue
		}
		valid := row{&i.users[n], user, note, &results[n]}
		if seen[user.UsernameKey] || seen[user.EmailKey] {
			later = append(later, valid)
		} else {
			first = append(first, valid)
		}
		seen[user.UsernameKey], seen[user.EmailKey] = true, true
	}
	return first, later, nil
}

// together imports rows without common names or addresses concurrently.
func (i *Import) together(ctx context.Context, rows []row) error {
	failures := make([]error, len(rows))
	var running sync.WaitGroup
	next := make(chan int)
	for range min(atOnce, len(rows)) {
		running.Go(func() {
			for n := range next {
				*rows[n].result, failures[n] = i.user(ctx, &rows[n])
			}
		})
	}
	for n := range rows {
		next <- n
	}
	close(next)
	running.Wait()
	for n := range rows {
		i.claim(&rows[n])
	}
	return errors.Join(failures...)
}

// inTurn imports rows that share a name or an address with an earlier one, in order.
func (i *Import) inTurn(ctx context.Context, rows []row) (err error) {
	for n := range rows {
		if *rows[n].result, err = i.user(ctx, &rows[n]); err != nil {
			return err
		}
		i.claim(&rows[n])
	}
	return nil
}

func (i *Import) claim(row *row) {
	if i.options.DryRun && row.result.Outcome == Created {
		i.claims.add(&row.user)
	}
}

func (i *Import) user(ctx context.Context, row *row) (Result, error) {
	if i.options.DryRun {
		if result, done, err := i.present(ctx, &row.user, row.in.Identifier); done || err != nil {
			return result, err
		}
		return Result{Outcome: Created, Reason: row.note}, nil
	}
	drafted := row.user // with the identifier of the row
	err := i.create(ctx, row)
	if errors.Is(err, domain.ErrUserExists) { // most rows are new: only the others are looked up
		if result, done, err := i.present(ctx, &drafted, row.in.Identifier); done || err != nil {
			return result, err
		}
	}
	if err != nil {
		return refused(err)
	}
	var notes []string
	if row.note != "" {
		notes = append(notes, row.note)
	}
	if in := row.in; in.Identifier != "" && row.user.Identifier != in.Identifier {
		notes = append(notes, "the identifier belongs to another user: it is now "+row.user.Identifier)
	}
	return Result{Outcome: Created, Reason: strings.Join(notes, "; ")}, nil
}

// create stores the user of a row with its audit entry.
func (i *Import) create(ctx context.Context, row *row) error {
	user := &row.user
	var out domain.Outbox
	if row.note != "" && user.Status == domain.StatusPending {
		if err := i.service.deps.Emails.Invite(user, &out); err != nil {
			return err
		}
	}
	out.Record(i.service.deps.AuditWriter.Entry(i.by, domain.ActionUserCreate, string(user.ID),
		audit.Detail("source", "import"), audit.Detail("role", string(user.Role)),
		audit.Detail("status", string(user.Status)), audit.Personal("username", user.Username)))
	return i.service.deps.Access.CreateUser(ctx, user, out)
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
func (i *Import) mayAssign(catalog *domain.Catalog, user *domain.User) error {
	if err := access.CheckAssign(catalog, i.by, &domain.User{}, user.Role, user.Groups); err != nil {
		return fault.ErrForbidden.Saying("role and groups: you may not assign all their permissions").Because(err)
	}
	if access.GainsRights(catalog, &domain.User{}, user.Role, user.Groups) {
		return i.by.RequireRecent(catalog.Settings.Session, i.service.deps.Clock.Now())
	}
	return nil
}

// present checks whether the user exists already: the same name, and the same address or identifier.
func (i *Import) present(ctx context.Context, user *domain.User, identifier string) (Result, bool, error) {
	own := i.claims.of(user)
	found, err := i.find(ctx, user.UsernameKey)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return i.addressTaken(ctx, user)
	case err != nil:
		return Result{}, false, err
	case found.username == own.username && (found.email == own.email || identifier != "" &&
		found.identifier == own.identifier):
		return Result{Outcome: Unchanged}, true, nil
	}
	return Result{Outcome: Refused, Reason: "username is taken by another user"}, true, nil
}

// addressTaken refuses a row whose address another user has, also as their name.
func (i *Import) addressTaken(ctx context.Context, user *domain.User) (Result, bool, error) {
	_, err := i.find(ctx, user.EmailKey)
	switch {
	case errors.Is(err, domain.ErrUserNotFound):
		return Result{}, false, nil
	case err != nil:
		return Result{}, false, err
	}
	return Result{Outcome: Refused, Reason: "email is taken by another user"}, true, nil
}

// find returns the user who signs in with the key, or in a dry run would.
func (i *Import) find(ctx context.Context, key string) (claimed, error) {
	if found, ok := i.claims.find(key); ok {
		return found, nil
	}
	user, err := i.service.deps.Users.FindByLogin(ctx, key)
	if err != nil {
		return claimed{}, err
	}
	return i.claims.of(&user), nil
}
