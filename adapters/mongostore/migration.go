package mongostore

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// A step of a migration takes as long as it needs: the indexes of a million users are built in minutes. Its node renews
// the lease of the schema meanwhile. A step that was interrupted runs again at the next start of any node, and
// continues where it stopped: the server keeps the indexes that are complete, and completes a build whose client is
// gone.

const (
	// stepFor limits a step. Without a deadline the driver would apply the timeout of a call.
	stepFor = 24 * time.Hour
	// renewEvery is the interval of renewals of the lease, and of reports.
	renewEvery = 10 * time.Second
)

var errSchemaLeaseLost = errors.New("another node took over the lease")

// runStep runs the step with this index, and renews the lease until it ends.
func (s *Store) runStep(ctx context.Context, holder string, index int) error {
	ctx, cancel := context.WithTimeout(ctx, stepFor)
	defer cancel()
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	began := monotonic()
	report := func() {
		if s.config.Migrating != nil {
			s.config.Migrating(steps[index].name, index+1, len(steps), monotonic().Sub(began))
		}
	}
	if index > 0 { // on a new database the steps take no time
		report()
	}
	renewing, end := context.WithCancel(ctx)
	var renewal sync.WaitGroup
	renewal.Go(func() { s.renewSchema(renewing, holder, report, stop) })
	err := steps[index].run(ctx, s)
	end()
	renewal.Wait()
	if lost := context.Cause(ctx); err != nil && errors.Is(lost, errSchemaLeaseLost) {
		return lost
	}
	return err
}

// renewSchema renews the lease until ctx ends. If another node has taken the lease, it stops the step.
func (s *Store) renewSchema(ctx context.Context, holder string, report func(), stop context.CancelCauseFunc) {
	ticker := time.NewTicker(s.config.renewEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			report()
			held, err := s.extendSchema(ctx, holder)
			if err == nil && !held {
				stop(errSchemaLeaseLost)
				return
			} // an error is retried: the lease lasts for many renewals
		}
	}
}

// extendSchema extends the lease if this node still holds it.
func (s *Store) extendSchema(ctx context.Context, holder string) (held bool, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	result, err := s.db.Collection(metaName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: schemaID}, {Key: "holder", Value: holder}},
		bson.D{{Key: "$set", Value: bson.D{{Key: "until", Value: nanos(s.now().Add(migrateFor))}}}})
	if err != nil {
		return false, failed("renewing the lease of the schema", err)
	}
	return result.MatchedCount > 0, nil
}

// awaitMigration waits between two reads of the schema while another node migrates. began is the time of the first.
func (s *Store) awaitMigration(ctx context.Context, began time.Time) error {
	waited := monotonic().Sub(began)
	if s.config.Migrating != nil && waited/s.config.renewEvery > (waited-migratePause)/s.config.renewEvery {
		s.config.Migrating("wait for another node", 0, len(steps), waited)
	}
	return sleep(ctx, migratePause)
}
