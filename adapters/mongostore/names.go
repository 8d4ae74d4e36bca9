package mongostore

import (
	"context"
	"errors"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// namesField is the field in the error of userExists when another user has one of the names; nameTaken finds out which
// one.
const namesField = "names"

// userNames returns the names that must be unique to the user: the username key and the email key, or one key if they
// are equal.
func userNames(u *domain.User) []string {
	var names []string
	for _, key := range []string{u.UsernameKey, u.EmailKey} {
		if key != "" && !slices.Contains(names, key) {
			names = append(names, key)
		}
	}
	return names
}

func (t *table[T]) namesOf(entity *T) []string {
	if t.names == nil {
		return nil
	}
	return t.names(entity)
}

// namesToTry returns the sets of names to try for a change of before into after: all names of after, and then, in case
// another document holds a name that before had already, only those that are in held or new.
func (t *table[T]) namesToTry(held []string, before, after *T) [][]string {
	had, all := t.namesOf(before), t.namesOf(after)
	var kept []string
	for _, name := range all {
		if slices.Contains(held, name) || !slices.Contains(had, name) {
			kept = append(kept, name)
		}
	}
	if len(kept) == len(all) {
		return [][]string{all}
	}
	return [][]string{all, kept}
}

// guardUser refuses new names that another user has, and prevents the deletion of a role that the user gets.
func (s *Store) guardUser(ctx context.Context, before, after *domain.User) (release func(), err error) {
	if err := s.checkNames(ctx, before, after); err != nil {
		return nil, err
	}
	return s.holdRole(ctx, before, after)
}

// checkNames refuses a new username or email that another user has as either. It also finds users whose documents have
// no names yet. The index decides between concurrent writes.
func (s *Store) checkNames(ctx context.Context, before, after *domain.User) error {
	had := userNames(before)
	names := slices.DeleteFunc(userNames(after), func(name string) bool { return slices.Contains(had, name) })
	if len(names) == 0 {
		return nil
	}
	return s.nameTaken(ctx, after, names)
}

// nameTaken returns domain.ErrUserExists about the field whose value another user has as username or email.
func (s *Store) nameTaken(ctx context.Context, u *domain.User, names []string) error {
	in := bson.D{{Key: "$in", Value: names}}
	var others []nameDocument
	err := s.readAll(ctx, s.users.coll, bson.D{
		{Key: "$or", Value: bson.A{bson.D{{Key: "doc.usernamekey", Value: in}}, bson.D{{Key: "doc.emailkey", Value: in}}}},
		{Key: "_id", Value: bson.D{{Key: "$ne", Value: string(u.ID)}}},
	}, options.Find().SetProjection(bson.D{{Key: "doc.usernamekey", Value: 1}, {Key: "doc.emailkey", Value: 1}}), &others)
	if err != nil {
		return err
	}
	for _, field := range []struct{ name, key string }{{"username", u.UsernameKey}, {"email", u.EmailKey}} {
		for _, other := range others {
			if slices.Contains(names, field.key) && (other.Doc.UsernameKey == field.key || other.Doc.EmailKey == field.key) {
				return domain.ErrUserExists.About(field.name, "is taken")
			}
		}
	}
	return nil
}

// nameDocument is the part of a user with the names.
type nameDocument struct {
	ID  string `bson:"_id"`
	Doc struct {
		UsernameKey string `bson:"usernamekey"`
		EmailKey    string `bson:"emailkey"`
	} `bson:"doc"`
}

// nameField replaces the field of the error with the field that is taken, after the unique index over all names refused
// the user.
func (s *Store) nameField(ctx context.Context, err error, u *domain.User) error {
	if !errors.Is(err, domain.ErrUserExists) {
		return err
	}
	if details := fault.Of(err).Details(); len(details) != 1 || details[0].Field != namesField {
		return err
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := s.nameTaken(ctx, u, userNames(u)); err != nil {
		return err
	}
	return domain.ErrUserExists.About("username", "is taken") // the other user was renamed meanwhile
}

// restoreUser inserts a user of another store without names: old users may have names that collide.
func (s *Store) restoreUser(ctx context.Context, u domain.User) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	raw, err := userForm.encode(&u)
	if err != nil {
		return failed("writing "+usersName, err)
	}
	doc := append(bson.D{{Key: "_id", Value: string(u.ID)}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: raw}},
		userFields(&u)...)
	_, err = s.users.coll.InsertOne(ctx, doc)
	if isDuplicate(err) {
		if _, found := s.users.find(ctx, bson.D{{Key: "_id", Value: string(u.ID)}}); !errors.Is(found, mongo.ErrNoDocuments) {
			return found
		}
		return userExists(err)
	}
	return failed("writing "+usersName, err)
}
