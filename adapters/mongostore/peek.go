package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/ostiary/ostiary/core/domain"
)

// PeekSettings reads the security settings of the installation in the database, and false where there is none. Nothing is made
// or migrated: it is for a look that changes nothing. It takes a URI and a Database.
func PeekSettings(ctx context.Context, config Config) (settings domain.Settings, found bool, err error) {
	if config.Timeout == 0 {
		config.Timeout = defaultTimeout
	}
	client, err := mongo.Connect(clientOptions(config))
	if err != nil {
		return domain.Settings{}, false, errors.New("mongostore: the connection string is not valid")
	}
	ctx, cancel := context.WithTimeout(ctx, config.Timeout)
	defer cancel()
	var d catalogDocument
	err = client.Database(config.Database).Collection(catalogName).FindOne(ctx, bson.D{{Key: "_id", Value: settingsID}}).Decode(&d)
	ended := client.Disconnect(context.WithoutCancel(ctx))
	if errors.Is(err, mongo.ErrNoDocuments) {
		return domain.Settings{}, false, failed("reading the settings", ended)
	}
	if err = errors.Join(err, ended); err != nil {
		return domain.Settings{}, false, failed("reading the settings", err)
	}
	err = decode(d.Doc, &settings)
	return settings, err == nil, err
}
