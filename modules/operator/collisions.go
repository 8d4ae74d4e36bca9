package operator

import (
	"context"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/domain"
)

// Collision is a name that several users or groups have.
type Collision = domain.Collision

// CollisionGroup is the kind of a name that several groups have.
const CollisionGroup = domain.CollisionGroup

// StoredNames lists the names that several users or groups have in the configured store.
type StoredNames struct {
	// Stored reports that there is an installation and that its names were read.
	Stored     bool        `json:"stored"`
	Collisions []Collision `json:"collisions"`
	Problem    string      `json:"problem,omitempty"`
}

// ReadNames reads the names of the configured store, also while a server runs. It is read-only and reports a failure
// in Problem.
func ReadNames(ctx context.Context, c config.Config) StoredNames {
	collisions, found, err := peekCollisions(ctx, c)
	names := StoredNames{Stored: found, Collisions: append([]Collision{}, collisions...)}
	if err != nil {
		names.Problem = err.Error()
	}
	return names
}

func peekCollisions(ctx context.Context, c config.Config) ([]Collision, bool, error) {
	if c.Storage.Driver == config.StorageMongoDB {
		m := c.Storage.MongoDB
		return mongostore.ReadCollisions(ctx, mongostore.Config{URI: m.URI.Reveal(), Database: m.Database, Clock: sysclock.Clock{}})
	}
	return sqlitestore.ReadCollisions(ctx, c.DataDir)
}
