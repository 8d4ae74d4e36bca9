package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Users implements ports.UserStore.
type Users struct {
	deletable[domain.UserID, domain.User]
}

// Users returns the store of users.
func (s *Store) Users() *Users {
	return &Users{deletable[domain.UserID, domain.User]{
		collection[domain.UserID, domain.User]{s, s.users, func(x *domain.User) *domain.UserID { return &x.ID }},
	}}
}

// uniqueUserFields maps unique indexes and fields of users to the field names of the API.
var uniqueUserFields = map[string]string{
	"uniq_username": "username", "uniq_email": "email", "uniq_subject": "subject", "uniq_identifier": "identifier",
	"_id_": "id", "uniq_names": namesField,
	"doc.usernamekey": "username", "doc.emailkey": "email", "doc.subject": "subject", "doc.identifier": "identifier",
	"_id": "id",
}

func userExists(err error) error {
	field := takenField(err, uniqueUserFields)
	if known, ok := uniqueUserFields[field]; ok {
		field = known
	}
	if field == "" {
		return domain.ErrUserExists
	}
	return domain.ErrUserExists.About(field, "is taken")
}

// Create stores a new user.
func (us *Users) Create(ctx context.Context, user domain.User, out domain.Outbox) error {
	return us.s.named(ctx, &user, func() error { return us.collection.Create(ctx, user, out) })
}

// loginFilter matches the users whose username or e-mail key is key, two or fewer.
func loginFilter(key string) bson.D {
	return bson.D{{Key: "$or", Value: bson.A{
		bson.D{{Key: "doc.usernamekey", Value: key}},
		bson.D{{Key: "doc.emailkey", Value: key}},
	}}}
}

// FindByLogin returns the user with this username key or, if there is none, with this email key, in one round trip.
func (us *Users) FindByLogin(ctx context.Context, key string) (domain.User, error) {
	if key == "" {
		return domain.User{}, domain.ErrUserNotFound
	}
	users, err := us.s.users.list(ctx, loginFilter(key), options.Find().SetLimit(2))
	if err != nil {
		return domain.User{}, err
	}
	for _, user := range users {
		if user.UsernameKey == key {
			return user, nil
		}
	}
	if len(users) == 0 {
		return domain.User{}, domain.ErrUserNotFound
	}
	return users[0], nil
}

// FindByEmail returns the user with this email key.
func (us *Users) FindByEmail(ctx context.Context, key string) (domain.User, error) {
	if key == "" {
		return domain.User{}, domain.ErrUserNotFound
	}
	return us.s.users.get(ctx, bson.D{{Key: "doc.emailkey", Value: key}})
}

// FindBySubject returns the user with this subject of the directory.
func (us *Users) FindBySubject(ctx context.Context, directory domain.DirectoryID, subject domain.Subject) (domain.User,
	error,
) {
	if subject == "" {
		return domain.User{}, domain.ErrUserNotFound
	}
	return us.s.users.get(ctx, bson.D{{Key: "doc.directory", Value: directory}, {Key: "doc.subject", Value: bson.D{
		{Key: "$eq", Value: subject}, present[0], // literally the filter of the partial index: some servers require it
	}}})
}

// Update applies change to the user atomically.
func (us *Users) Update(ctx context.Context, id domain.UserID, change ports.Change[domain.User]) (domain.User, error) {
	var tried domain.User
	var user domain.User
	err := us.s.named(ctx, &tried, func() (err error) {
		user, err = us.collection.Update(ctx, id, func(u *domain.User, out *domain.Outbox) error {
			err := change(u, out)
			tried = domain.User{ID: id, UsernameKey: u.UsernameKey, EmailKey: u.EmailKey}
			return err
		})
		return err
	})
	return user, err
}

// deleteUserData removes the data of a deleted user. None of it is live without the user.
func (s *Store) deleteUserData(ctx context.Context, id string) error {
	for _, name := range []string{sessionsName, keysName, messagesName} {
		if _, err := s.db.Collection(name).DeleteMany(ctx, bson.D{{Key: "doc.userid", Value: id}}); err != nil {
			return failed("deleting a user's "+name, err)
		}
	}
	_, err := s.db.Collection(guardsName).UpdateOne(ctx, bson.D{{Key: "_id", Value: adminGuardID}},
		bson.D{{Key: "$pull", Value: bson.D{{Key: "members", Value: id}}}})
	return failed("removing a deleted user from the guard of administrators", err)
}
