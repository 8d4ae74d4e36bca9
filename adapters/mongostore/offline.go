package mongostore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// read connects to the database, calls read and disconnects. It creates and migrates nothing. Of config it needs URI
// and Database, and it sets Timeout.
func read(ctx context.Context, config *Config, read func(ctx context.Context, db *mongo.Database) error) error {
	o, err := connection(config)
	if err != nil {
		return err
	}
	client, err := mongo.Connect(o)
	if err != nil {
		return unusable(config.URI, err)
	}
	db := client.Database(config.Database)
	if err = reach(ctx, o, db); err == nil {
		err = read(ctx, db)
	}
	return errors.Join(err, client.Disconnect(context.WithoutCancel(ctx)))
}

// ReadSettings reads the security settings of the installation in the database. found is false if there is none.
func ReadSettings(ctx context.Context, config Config) (settings domain.Settings, found bool, err error) {
	err = read(ctx, &config, func(ctx context.Context, db *mongo.Database) error {
		ctx, cancel := context.WithTimeout(ctx, config.Timeout)
		defer cancel()
		var d catalogDocument
		err := db.Collection(catalogName).FindOne(ctx, bson.D{{Key: "_id", Value: settingsID}}).Decode(&d)
		switch {
		case errors.Is(err, mongo.ErrNoDocuments):
			return nil
		case err != nil:
			return failed("reading the settings", err)
		}
		found = true
		settings, err = settingsForm.decode(d.Doc)
		return err
	})
	return settings, found && err == nil, err
}

// ReadCollisions returns the names that several users or groups of the installation in the database share. found is
// false if there is no installation. It reads the usernames that look like addresses, and the groups.
func ReadCollisions(ctx context.Context, config Config) (collisions []domain.Collision, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, countFor)
	defer cancel()
	err = read(ctx, &config, func(ctx context.Context, db *mongo.Database) error {
		if found, err = hasCatalog(ctx, config.Timeout, db); err != nil || !found {
			return err
		}
		if collisions, err = readUserCollisions(ctx, db); err != nil {
			return err
		}
		groups, err := readGroupCollisions(ctx, db)
		collisions = append(collisions, groups...)
		return err
	})
	return collisions, found && err == nil, err
}

// hasCatalog reports whether the database contains an installation. It is called first and has the short timeout, so
// that an unreachable database is detected before the long reads.
func hasCatalog(ctx context.Context, timeout time.Duration, db *mongo.Database) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err := db.Collection(catalogName).FindOne(ctx, bson.D{{Key: "_id", Value: headID}}).Err()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	return err == nil, failed("reading the catalog", err)
}

const readBatch = 500

func readUserCollisions(ctx context.Context, db *mongo.Database) ([]domain.Collision, error) {
	users := db.Collection(usersName)
	names := bson.D{{Key: "doc.usernamekey", Value: 1}, {Key: "doc.emailkey", Value: 1}}
	// Every e-mail address has an @, and few usernames do.
	cursor, err := users.Find(ctx, bson.D{{Key: "doc.usernamekey", Value: bson.D{{Key: "$regex", Value: "@"}}}},
		options.Find().SetProjection(names).SetHint("username"))
	if err != nil {
		return nil, failed("reading names", err)
	}
	var collisions []domain.Collision
	batch := map[string]string{} // user IDs by username
	for more := true; more && len(collisions) < domain.MaxCollisions; {
		var d nameDocument
		if more = cursor.Next(ctx); more {
			if err := cursor.Decode(&d); err != nil {
				return nil, errors.Join(failed("reading names", err), cursor.Close(ctx))
			}
			if d.Doc.UsernameKey != d.Doc.EmailKey {
				batch[d.Doc.UsernameKey] = d.ID
			}
		}
		if len(batch) == readBatch || !more && len(batch) > 0 {
			found, err := readHolders(ctx, users, batch)
			if err != nil {
				return nil, errors.Join(err, cursor.Close(ctx))
			}
			collisions, batch = append(collisions, found...), map[string]string{}
		}
	}
	return collisions, failed("reading names", errors.Join(cursor.Err(), cursor.Close(ctx)))
}

// readHolders returns the users whose email address is one of the usernames.
func readHolders(ctx context.Context, users *mongo.Collection, ids map[string]string) ([]domain.Collision, error) {
	names := slices.Collect(maps.Keys(ids))
	emailKey := bson.D{{Key: "doc.emailkey", Value: 1}}
	var holders []nameDocument
	err := findAll(ctx, users, bson.D{{Key: "doc.emailkey", Value: bson.D{{Key: "$in", Value: names}}}},
		options.Find().SetProjection(emailKey).SetSort(emailKey), &holders)
	if err != nil {
		return nil, err
	}
	collisions := make([]domain.Collision, len(holders))
	for i, h := range holders {
		collisions[i] = domain.Collision{
			Kind: domain.CollisionUser, Name: h.Doc.EmailKey,
			Holders: []string{ids[h.Doc.EmailKey], h.ID},
		}
	}
	return collisions, nil
}

func readGroupCollisions(ctx context.Context, db *mongo.Database) ([]domain.Collision, error) {
	var docs []catalogDocument
	err := findAll(ctx, db.Collection(catalogName), bson.D{{Key: "_id", Value: bson.D{
		{Key: "$gte", Value: groupPrefix}, {Key: "$lt", Value: groupPrefix + "~"},
	}}}, options.Find(), &docs)
	if err != nil {
		return nil, err
	}
	var groups []domain.Group
	for _, d := range docs {
		if d.Gone {
			continue
		}
		group, err := groupForm.decode(d.Doc)
		if err != nil {
			return nil, err
		}
		groups = append(groups, group)
	}
	return domain.GroupCollisions(groups), nil
}
