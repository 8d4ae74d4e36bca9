package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

// The earlier format of the search is an array "grams" of all substrings of one to three characters, with an index of
// 4.5 KB a user. In the first hour after the upgrade of a database both formats are written, so that nodes of the
// earlier version find every user. After that, one node at a time converts the users in batches. It removes "grams",
// so that the users that are left are those with this field, also if a late node of the earlier version writes one. A
// search that finds such users reads both formats.
const (
	searchID = "search"
	// rollingUpgrade is the time in which all nodes get the new version.
	rollingUpgrade = time.Hour
	convertEvery   = time.Minute
	convertBatch   = 500
	// convertLease is the time after which another node continues a conversion.
	convertLease = time.Minute
	oldIndex     = "search"     // of the earlier format
	leftIndex    = "old_format" // of the users that are left
	// codeNoIndex and codeNoCollection are the errors of the server for what is gone already.
	codeNoIndex      = 27
	codeNoCollection = 26
)

// inOldFormat matches users that have the earlier format of the search.
var inOldFormat = bson.D{{Key: gramsField, Value: present}}

// searchFormat is the document of the conversion.
type searchFormat struct {
	After int64 `bson:"after"` // the earlier format is written until then
	Done  bool  `bson:"done"`
	Until int64 `bson:"until"` // the end of the lease
}

// searchFields returns the fields of a user for the search.
func (s *Store) searchFields(u *domain.User) bson.D {
	fields := bson.D{
		{Key: endsField, Value: endsOf(u)},
		{Key: triField, Value: substrings(u.SearchText, records.SearchPiece, records.SearchPiece)},
		{Key: gramsField},
	}
	if nanos(s.now()) < s.oldFormatUntil.Load() {
		fields[2].Value = substrings(u.SearchText, 1, records.SearchPiece)
	}
	return fields
}

// createSearch is the schema step that creates the indexes of the search. They have no users yet, so that it takes no
// longer in a large database.
func createSearch(ctx context.Context, s *Store) error {
	if err := createIndexes(5)(ctx, s); err != nil {
		return err
	}
	users, err := s.users.coll.EstimatedDocumentCount(ctx)
	if err != nil {
		return failed("counting "+usersName, err)
	}
	after := int64(0)
	if users > 0 {
		after = nanos(s.now().Add(rollingUpgrade))
	} else if err := s.replaceOldIndex(ctx); err != nil {
		return err
	}
	_, err = s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: searchID}},
		bson.D{{Key: "$setOnInsert", Value: bson.D{
			{Key: "after", Value: after}, {Key: "until", Value: int64(0)}, {Key: "done", Value: users == 0},
		}}}, options.UpdateOne().SetUpsert(true))
	return failed("writing the format of the search", err)
}

// replaceOldIndex replaces the index of the earlier format with one of the users that are left.
func (s *Store) replaceOldIndex(ctx context.Context) error {
	indexes := s.users.coll.Indexes()
	left := index{name: leftIndex, fields: []string{gramsField}, sparse: true}
	if _, err := indexes.CreateOne(ctx, left.model(false)); err != nil {
		return failed("creating the indexes of "+usersName, err)
	}
	err := indexes.DropOne(ctx, oldIndex)
	if command, ok := errors.AsType[mongo.CommandError](err); ok &&
		(command.Code == codeNoIndex || command.Code == codeNoCollection) {
		err = nil
	}
	return failed("dropping an index of "+usersName, err)
}

// loadSearchFormat reads until when the earlier format is written.
func (s *Store) loadSearchFormat(ctx context.Context) (searchFormat, error) {
	var f searchFormat
	_, err := s.readOne(ctx, s.db.Collection(metaName), bson.D{{Key: "_id", Value: searchID}}, &f)
	if err == nil {
		s.oldFormatUntil.Store(f.After)
	}
	return f, err
}

// ConvertSearch converts the users that have the earlier format of the search. It continues where an earlier run ended.
func (s *Store) ConvertSearch(ctx context.Context) error {
	for {
		if more, err := s.convertBatch(ctx, convertBatch); err != nil || !more {
			return err
		}
	}
}

// convertBatch converts some users. It reports whether there may be more.
func (s *Store) convertBatch(ctx context.Context, size int64) (more bool, err error) {
	f, err := s.loadSearchFormat(ctx)
	if err != nil || nanos(s.now()) < f.After {
		return false, err
	}
	users, err := s.oldFormatUsers(ctx, size)
	if err != nil || len(users) == 0 && f.Done {
		return false, err
	}
	held, err := s.leaseSearch(ctx, f)
	if err != nil || !held {
		return false, err
	}
	if len(users) == 0 {
		return false, s.finishSearch(ctx)
	}
	return true, s.convertUsers(ctx, users)
}

// convertible is the part of a user that the search fields depend on.
type convertible struct {
	ID      string `bson:"_id"`
	Version int64  `bson:"v"`
	Gone    bool   `bson:"gone"`
	Doc     struct {
		Text     string `bson:"searchtext"`
		Username string `bson:"usernamekey"`
		Email    string `bson:"emailkey"`
	} `bson:"doc"`
}

func (s *Store) oldFormatUsers(ctx context.Context, size int64) ([]convertible, error) {
	var users []convertible
	err := s.readAll(ctx, s.users.coll, inOldFormat, options.Find().SetLimit(size).SetProjection(bson.D{
		{Key: "v", Value: 1},
		{Key: "gone", Value: 1},
		{Key: "doc.searchtext", Value: 1},
		{Key: "doc.usernamekey", Value: 1},
		{Key: "doc.emailkey", Value: 1},
	}), &users)
	return users, err
}

// leaseSearch takes or extends the lease of the conversion that was read.
func (s *Store) leaseSearch(ctx context.Context, f searchFormat) (bool, error) {
	now := s.now()
	if f.Until != s.converting.Load() && f.Until > nanos(now) {
		return false, nil // another node converts
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	until := nanos(now.Add(convertLease))
	result, err := s.db.Collection(metaName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: searchID}, {Key: "until", Value: f.Until}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: until}}}})
	if err != nil || result.MatchedCount == 0 {
		return false, failed("leasing the conversion of the search", err)
	}
	s.converting.Store(until)
	return true, nil
}

// convertUsers writes the search fields of the users that are unchanged. Others are converted by a later batch.
func (s *Store) convertUsers(ctx context.Context, users []convertible) error {
	models := make([]mongo.WriteModel, len(users))
	for i := range users {
		x := &users[i]
		u := domain.User{UsernameKey: x.Doc.Username, EmailKey: x.Doc.Email, SearchText: x.Doc.Text}
		fields := s.searchFields(&u)
		update := bson.D{{Key: "$unset", Value: removed(fields)}}
		if !x.Gone {
			update = append(update, bson.E{Key: "$set", Value: stored(fields)})
		}
		models[i] = mongo.NewUpdateOneModel().SetUpdate(update).
			SetFilter(bson.D{{Key: "_id", Value: x.ID}, {Key: "v", Value: x.Version}})
	}
	ctx, cancel := s.bound(ctx)
	defer cancel()
	_, err := s.lossy(usersName).BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	return failed("converting the search of "+usersName, err)
}

// finishSearch ends the conversion.
func (s *Store) finishSearch(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, migrateFor)
	defer cancel()
	if err := s.replaceOldIndex(ctx); err != nil {
		return err
	}
	_, err := s.db.Collection(metaName).UpdateOne(ctx, bson.D{{Key: "_id", Value: searchID}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "done", Value: true}, {Key: "until", Value: int64(0)}}}})
	return failed("writing the format of the search", err)
}
