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
	ID      string `bson:"_id"`
	Version int64  `bson:"v"`
	Doc     struct {
		UsernameKey string `bson:"usernamekey"`
		EmailKey    string `bson:"emailkey"`
	} `bson:"doc"`
}

// isNameTaken reports whether the unique index over all names refused the user.
func isNameTaken(err error) bool {
	if !errors.Is(err, domain.ErrUserExists) {
		return false
	}
	details := fault.Of(err).Details()
	return len(details) == 1 && details[0].Field == namesField
}

// freeNames removes names from users who do not have them any more, and reports whether there were any. A node of a
// version that does not write names renames a user and leaves the former name in the index.
func (s *Store) freeNames(ctx context.Context, u *domain.User) (freed bool, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	names := userNames(u)
	var holders []nameDocument
	err = findAll(ctx, s.users.coll, bson.D{
		{Key: "names", Value: bson.D{{Key: "$in", Value: names}, present[0]}},
		{Key: "_id", Value: bson.D{{Key: "$ne", Value: string(u.ID)}}},
	}, options.Find().SetProjection(bson.D{
		{Key: "v", Value: 1}, {Key: "doc.usernamekey", Value: 1}, {Key: "doc.emailkey", Value: 1},
	}), &holders)
	for _, h := range holders {
		former := slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return name == h.Doc.UsernameKey || name == h.Doc.EmailKey
		})
		if len(former) == 0 {
			continue
		}
		result, err := s.users.coll.UpdateOne(ctx, bson.D{{Key: "_id", Value: h.ID}, {Key: "v", Value: h.Version}},
			bson.D{{Key: "$pull", Value: bson.D{{Key: "names", Value: bson.D{{Key: "$in", Value: former}}}}}})
		if err != nil && !isConflict(err) {
			return freed, failed("freeing names", err)
		}
		freed = freed || err == nil && result.ModifiedCount > 0
	}
	return freed, err
}

// named calls write again if it was refused because of names that their holders do not have any more, and replaces the
// field of a refusal with the one that is taken.
func (s *Store) named(ctx context.Context, u *domain.User, write func() error) error {
	err := write()
	if !isNameTaken(err) {
		return err
	}
	freed, freeing := s.freeNames(ctx, u)
	if freeing != nil {
		return freeing
	}
	if freed {
		err = write()
	}
	return s.nameField(ctx, err, u)
}

// nameField replaces the field of the error with the field that is taken, after the unique index over all names refused
// the user.
func (s *Store) nameField(ctx context.Context, err error, u *domain.User) error {
	if !isNameTaken(err) {
		return err
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	if err := s.nameTaken(ctx, u, userNames(u)); err != nil {
		return err
	}
	return domain.ErrUserExists.About("username", "is taken") // the other user was renamed meanwhile
}

// restoredUser returns the document of a user of another store without names: old users may have names that collide.
func (s *Store) restoredUser(u *domain.User) (bson.D, error) {
	raw, err := userForm.encode(u)
	return append(bson.D{{Key: "_id", Value: string(u.ID)}, {Key: "v", Value: int64(1)}, {Key: "doc", Value: raw}},
		stored(s.searchFields(u))...), failed("writing "+usersName, err)
}

// restoreUser inserts a user of another store.
func (s *Store) restoreUser(ctx context.Context, u domain.User) error {
	doc, err := s.restoredUser(&u)
	if err != nil {
		return err
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	_, err = s.users.coll.InsertOne(ctx, doc)
	if isDuplicate(err) {
		if _, found := s.users.find(ctx, bson.D{{Key: "_id", Value: string(u.ID)}}); !errors.Is(found, mongo.ErrNoDocuments) {
			return found
		}
		return userExists(err)
	}
	return failed("writing "+usersName, err)
}
