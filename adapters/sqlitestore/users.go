package sqlitestore

import (
	"context"
	"errors"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Users implements ports.UserStore.
type Users struct{ s *Store }

// Users returns the store of users.
func (s *Store) Users() *Users { return &Users{s} }

// storedUser is a user with the row ID of the table.
type storedUser struct {
	n    int64
	user domain.User
}

// Create stores a new user.
func (us *Users) Create(ctx context.Context, user domain.User, out domain.Outbox) error {
	return us.CreateAll(ctx, []domain.User{user}, out)
}

// CreateAll stores many new users in one transaction, all or none. It makes imports fast, since most of their cost is
// in commits. It blocks other writes for about a tenth of a millisecond per user.
func (us *Users) CreateAll(ctx context.Context, users []domain.User, out domain.Outbox) error {
	return us.s.writer.do(ctx, func(t *tx) error {
		for i := range users {
			if err := us.s.insertUser(t, &users[i]); err != nil {
				return err
			}
		}
		return us.s.writeOutbox(t, out)
	})
}

// Get returns the user with this ID.
func (us *Users) Get(ctx context.Context, id domain.UserID) (domain.User, error) {
	user, err := us.s.view.user(ctx, id) // at least as new as the last acknowledged write, and mostly cached
	if err != nil {
		return domain.User{}, err
	}
	return user.Clone(), nil
}

// FindByLogin returns the user with this username key or, if there is none, the user with this email key.
func (us *Users) FindByLogin(ctx context.Context, key string) (domain.User, error) {
	return us.s.view.login(ctx, key)
}

// FindByEmail returns the user with this email key.
func (us *Users) FindByEmail(ctx context.Context, key string) (domain.User, error) {
	return us.s.findEmail(ctx, key)
}

func (s *Store) findEmail(ctx context.Context, key string) (domain.User, error) {
	if key == "" {
		return domain.User{}, domain.ErrUserNotFound
	}
	return s.findUser(ctx, "SELECT doc, search_text FROM users WHERE email = ?", key)
}

func (s *Store) findLogin(ctx context.Context, key string) (domain.User, error) {
	if key == "" {
		return domain.User{}, domain.ErrUserNotFound
	}
	user, err := s.findUser(ctx, "SELECT doc, search_text FROM users WHERE username = ?", key)
	if errors.Is(err, domain.ErrUserNotFound) {
		return s.findEmail(ctx, key)
	}
	return user, err
}

// FindBySubject returns the user with this subject in the directory.
func (us *Users) FindBySubject(ctx context.Context, directory domain.DirectoryID, subject domain.Subject) (domain.User,
	error,
) {
	if subject == "" {
		return domain.User{}, domain.ErrUserNotFound
	}
	return us.s.findUser(ctx, "SELECT doc, search_text FROM users WHERE directory = ? AND subject = ? AND subject <> ''",
		string(directory), string(subject))
}

func (s *Store) findUser(ctx context.Context, query string, args ...any) (domain.User, error) {
	var doc, text string
	if err := s.reads.get(ctx, domain.ErrUserNotFound, query, args, &doc, &text); err != nil {
		return domain.User{}, err
	}
	return decodeUser(doc, text)
}

// Update applies change to the user in one transaction.
func (us *Users) Update(ctx context.Context, id domain.UserID, change ports.Change[domain.User]) (domain.User, error) {
	var result domain.User
	err := us.s.writer.do(ctx, func(t *tx) error {
		var err error
		result, err = us.s.updateUser(t, id, change)
		return err
	})
	return result, err
}

func (s *Store) updateUser(t *tx, id domain.UserID, change ports.Change[domain.User]) (domain.User, error) {
	before, err := loadUser(t, id)
	if err != nil {
		return domain.User{}, err
	}
	return applyChange(s, t, before.user, before.user.Clone(), change, func(user *domain.User) error {
		user.ID = id
		return s.replaceUser(t, &before, user)
	})
}

// Delete deletes the user with all related records except the audit log.
func (us *Users) Delete(ctx context.Context, id domain.UserID, out domain.Outbox) error {
	return us.s.writer.do(ctx, func(t *tx) error {
		if err := us.s.deleteUser(t, id); err != nil {
			return err
		}
		return us.s.writeOutbox(t, out)
	})
}

func loadUser(t *tx, id domain.UserID) (storedUser, error) {
	var n int64
	var doc, text string
	err := t.get(domain.ErrUserNotFound, "SELECT n, doc, search_text FROM users WHERE id = ?", []any{string(id)}, &n, &doc,
		&text)
	if err != nil {
		return storedUser{}, err
	}
	user, err := decodeUser(doc, text)
	return storedUser{n, user}, err
}

// checkOtherKind refuses a username that is another user's email address, and the reverse. The result is valid until
// the transaction commits, since there is one writer. An unchanged value is accepted even if it collides.
func checkOtherKind(t *tx, n int64, before, u *domain.User) error {
	for _, field := range []struct{ name, query, key, had string }{
		{"username", "SELECT n FROM users WHERE email = ?", u.UsernameKey, before.UsernameKey},
		{"email", "SELECT n FROM users WHERE username = ?", u.EmailKey, before.EmailKey},
	} {
		if field.key == "" || field.key == field.had {
			continue
		}
		if err := checkFree(t, n, field.name, field.query, field.key); err != nil {
			return err
		}
	}
	return nil
}

// checkUnique returns domain.ErrUserExists with the name of the first field whose value another user has.
func checkUnique(t *tx, n int64, u *domain.User) error {
	for _, field := range []struct {
		name, query string
		args        []any
	}{
		{"username", "SELECT n FROM users WHERE username = ?", []any{u.UsernameKey}},
		{"email", "SELECT n FROM users WHERE email = ? AND email <> ''", []any{u.EmailKey}},
		{
			"subject", "SELECT n FROM users WHERE directory = ? AND subject = ? AND subject <> ''",
			[]any{string(u.Directory), string(u.Subject)},
		},
		{"identifier", "SELECT n FROM users WHERE identifier = ? AND identifier <> ''", []any{u.Identifier}},
	} {
		if err := checkFree(t, n, field.name, field.query, field.args...); err != nil {
			return err
		}
	}
	return nil
}

// checkFree returns domain.ErrUserExists about the field if the query finds another user than n.
func checkFree(t *tx, n int64, field, query string, args ...any) error {
	other := n
	err := t.get(nil, query, args, &other)
	if err == nil && other != n {
		err = domain.ErrUserExists.About(field, "is taken")
	}
	return err
}
