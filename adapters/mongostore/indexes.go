package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// index is an index of a collection. Each index serves the queries that name it as their hint or that filter by its
// first fields.
type index struct {
	name    string
	fields  []string
	unique  bool
	partial bson.D // for optional fields: documents without them are not indexed
	sparse  bool
	ttl     bool
	since   int // the schema step that creates it, 0 for the first
}

// present matches a string that is not empty.
var present = bson.D{{Key: "$gt", Value: ""}}

func where(field string, condition bson.D) bson.D { return bson.D{{Key: field, Value: condition}} }

var indexes = map[string][]index{
	usersName: {
		{
			name: "uniq_username", fields: []string{"doc.usernamekey"}, unique: true,
			partial: where("doc.usernamekey", present),
		},
		{name: "uniq_email", fields: []string{"doc.emailkey"}, unique: true, partial: where("doc.emailkey", present)},
		{
			name: "uniq_subject", fields: []string{"doc.directory", "doc.subject"}, unique: true,
			partial: where("doc.subject", present),
		},
		{
			name: "uniq_identifier", fields: []string{"doc.identifier"}, unique: true,
			partial: where("doc.identifier", present),
		},
		{name: "uniq_names", fields: []string{"names"}, unique: true, partial: where("names", present), since: 4},
		{name: "created", fields: []string{"doc.createdat", "_id"}},
		{name: "username", fields: []string{"doc.usernamekey", "_id"}},
		{name: "email", fields: []string{"doc.emailkey", "_id"}},
		{name: "last_login", fields: []string{"doc.lastlogin", "_id"}},
		{name: "role", fields: []string{"doc.role", "doc.createdat", "_id"}},
		{name: "group", fields: []string{"doc.groups", "doc.createdat", "_id"}},
		{name: "status", fields: []string{"doc.status", "doc.createdat", "_id"}},
		{name: "directory", fields: []string{"doc.directory", "doc.createdat", "_id"}},
		{name: endsIndex, fields: []string{endsField}, sparse: true, since: 5},
		{name: triIndex, fields: []string{triField, "doc.createdat"}, sparse: true, since: 5},
		{name: "gone", fields: []string{"gone"}, sparse: true},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	sessionsName: {
		{name: "user", fields: []string{"doc.userid", "doc.createdat", "_id"}},
		{name: "created", fields: []string{"doc.createdat", "_id"}},
		{name: "expires", fields: []string{"doc.expiresat"}},
		{name: "provider_subject", fields: []string{"doc.provider.directory", "doc.provider.subject"}},
		{name: "provider_session", fields: []string{"doc.provider.directory", "doc.provider.id"}},
		{name: "granted", fields: []string{"granted"}},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	keysName: {
		{name: "user", fields: []string{"doc.userid", "doc.createdat", "_id"}},
		{name: "live", fields: []string{"doc.userid", "doc.revokedat", "doc.epoch", "doc.createdat", "_id"}, since: 3},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	tokensName: {
		{name: "created", fields: []string{"doc.createdat", "_id"}},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	catalogName: {
		// Only groups have a description, possibly empty: names of roles need not be unique.
		{
			name: "uniq_name", fields: []string{"doc.name"}, unique: true,
			partial: where("doc.description", bson.D{{Key: "$gte", Value: ""}}),
		},
		{
			name: "uniq_name_key", fields: []string{"doc.namekey"}, unique: true, partial: where("doc.namekey", present),
			since: 4,
		},
		{
			name: "uniq_identifier", fields: []string{"doc.identifier"}, unique: true,
			partial: where("doc.identifier", present),
		},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	attemptsName: {
		{name: "ttl", fields: []string{"ttl"}, ttl: true},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	ratesName:       {{name: "ttl", fields: []string{"ttl"}, ttl: true}},
	onceName:        {{name: "ttl", fields: []string{"ttl"}, ttl: true}},
	idempotencyName: {{name: "ttl", fields: []string{"ttl"}, ttl: true}},
	messagesName: {
		{name: "due", fields: []string{"due"}},
		{name: "user", fields: []string{"doc.userid"}},
		{name: "ttl", fields: []string{"ttl"}, ttl: true},
	},
	auditName: {
		{name: "at", fields: []string{"at", "_id"}},
		{name: "user", fields: []string{"user", "at", "_id"}},
		{name: "action", fields: []string{"action", "at", "_id"}},
		{name: "ip", fields: []string{"ip", "at", "_id"}},
		{name: "success", fields: []string{"success", "at", "_id"}},
		{name: "request", fields: []string{"request"}},
		{name: "target", fields: []string{"target"}},
		{name: "seq", fields: []string{"seq", "written", "_id"}},
	},
	segmentsName: {
		{name: "last", fields: []string{"last"}},
		{name: "sealed", fields: []string{"segment.auditcheckpoint.sealedat", "_id"}},
		{name: "outbox", fields: []string{"outbox.at"}, sparse: true},
	},
	signingName: {{name: "outbox", fields: []string{"outbox.at"}, sparse: true}},
}

// ttlSlack is the number of seconds between the end of a document and the earliest removal by the server: the clocks of
// nodes and servers differ.
const ttlSlack = 3600

// createIndexes returns the schema step that creates the indexes of that number. Existing names that collide are not in
// the unique indexes of names: documents get their names and name keys when they are written.
func createIndexes(step int) func(context.Context, *Store) error {
	return func(ctx context.Context, s *Store) error {
		for name, list := range indexes {
			var models []mongo.IndexModel
			for _, x := range list {
				if max(x.since, 1) == step {
					models = append(models, x.model(s.config.NoTTL))
				}
			}
			if len(models) == 0 {
				continue
			}
			if _, err := s.db.Collection(name).Indexes().CreateMany(ctx, models); err != nil {
				return failed("creating the indexes of "+name, err)
			}
		}
		return nil
	}
}

func (x index) model(noTTL bool) mongo.IndexModel {
	keys := bson.D{}
	for _, field := range x.fields {
		keys = append(keys, bson.E{Key: field, Value: 1})
	}
	o := options.Index().SetName(x.name)
	if x.unique {
		o.SetUnique(true)
	}
	if x.sparse {
		o.SetSparse(true)
	}
	if x.partial != nil {
		o.SetPartialFilterExpression(x.partial)
	}
	if x.ttl && !noTTL {
		o.SetExpireAfterSeconds(ttlSlack)
	}
	return mongo.IndexModel{Keys: keys, Options: o}
}
