package mongostore

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// The deletion of a role and its assignment to a user are coordinated by fields of the role: an assignment holds the
// role until the user is written (holds), and a deletion marks the role first (deleting). Each is a condition of the
// other's write, so of two concurrent operations one fails.

// holdsFor is how long a hold or a deletion mark is valid after a crash: longer than any call takes and than clocks
// differ.
const holdsFor = 30 * time.Second

// Groups returns the store of groups.
func (s *Store) Groups() ports.GroupStore {
	return deletable[domain.GroupID, domain.Group]{
		collection[domain.GroupID, domain.Group]{s, s.groups, func(g *domain.Group) *domain.GroupID { return &g.ID }},
	}
}

// roles are permission sets that a user may hold.
type roles struct {
	collection[domain.RoleID, domain.Role]
}

// Roles returns the store of roles.
func (s *Store) Roles() ports.RoleStore {
	return roles{collection[domain.RoleID, domain.Role]{s, s.roles, func(r *domain.Role) *domain.RoleID { return &r.ID }}}
}

// Delete removes the role unless a user has it or it is being assigned to one.
func (rs roles) Delete(ctx context.Context, id domain.RoleID, out domain.Outbox) error {
	ctx, cancel := rs.s.bound(ctx)
	defer cancel()
	mark, err := rs.s.markDeleting(ctx, rolePrefix+string(id))
	if err != nil {
		return err
	}
	used, err := rs.s.users.coll.CountDocuments(ctx, bson.D{{Key: "doc.role", Value: id}},
		options.Count().SetLimit(1).SetHint("role"))
	if err == nil && used == 0 {
		err = rs.table.delete(ctx, string(id), bson.D{{Key: "deleting", Value: mark}}, out)
		if errors.Is(err, errLostRace) {
			return domain.ErrRoleInUse
		}
		return err
	}
	_, unmarked := rs.table.coll.UpdateOne(ctx, bson.D{
		{Key: "_id", Value: rolePrefix + string(id)},
		{Key: "deleting", Value: mark},
	},
		bson.D{{Key: "$unset", Value: bson.D{{Key: "deleting", Value: ""}}}})
	if err = errors.Join(err, unmarked); err != nil {
		return failed("deleting a role", err)
	}
	return domain.ErrRoleInUse
}

// markDeleting marks the role, so that it cannot be assigned. It waits for assignments in progress.
func (s *Store) markDeleting(ctx context.Context, id string) (mark int64, err error) {
	err = retry(ctx, func() (decided bool, err error) {
		now := s.now()
		stale := nanos(now.Add(-holdsFor))
		mark = nanos(now)
		result, err := s.roles.coll.UpdateOne(ctx, bson.D{
			{Key: "_id", Value: id},
			{Key: "gone", Value: bson.D{{Key: "$exists", Value: false}}},
			{Key: "$nor", Value: bson.A{
				bson.D{{
					Key:   "holds",
					Value: bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "at", Value: bson.D{{Key: "$gt", Value: stale}}}}}},
				}},
				bson.D{{Key: "deleting", Value: bson.D{{Key: "$gt", Value: stale}}}},
			}},
		}, bson.D{{Key: "$set", Value: bson.D{{Key: "deleting", Value: mark}}}})
		if err == nil && result.MatchedCount > 0 {
			return true, nil
		}
		if err != nil && !isConflict(err) {
			return false, failed("deleting a role", err)
		}
		return false, s.roleExists(ctx, id)
	})
	if errors.Is(err, errLostRace) {
		return 0, domain.ErrRoleInUse
	}
	return mark, err
}

// holdRole prevents the deletion of a role that a user gets until the user is written. It fails if the role does not
// exist.
func (s *Store) holdRole(ctx context.Context, before, after *domain.User) (release func(), err error) {
	if after.Role == before.Role || after.Role == "" {
		return func() {}, nil
	}
	id, hold := rolePrefix+string(after.Role), s.nonce()
	err = retry(ctx, func() (held bool, err error) {
		if held, err = s.tryHold(ctx, id, hold); held || err != nil {
			return held, err
		}
		return false, s.roleExists(ctx, id)
	})
	if errors.Is(err, errLostRace) {
		return nil, errRoleBusy
	} else if err != nil {
		return nil, err
	}
	return func() { s.releaseRole(ctx, id, hold) }, nil
}

// tryHold holds the role unless it is deleted or being deleted.
func (s *Store) tryHold(ctx context.Context, id, hold string) (bool, error) {
	now := s.now()
	result, err := s.roles.coll.UpdateOne(ctx, bson.D{
		{Key: "_id", Value: id},
		{Key: "gone", Value: bson.D{{Key: "$exists", Value: false}}},
		{
			Key:   "$nor",
			Value: bson.A{bson.D{{Key: "deleting", Value: bson.D{{Key: "$gt", Value: nanos(now.Add(-holdsFor))}}}}},
		},
	}, bson.D{
		{
			Key:   "$push",
			Value: bson.D{{Key: "holds", Value: bson.D{{Key: "id", Value: hold}, {Key: "at", Value: nanos(now)}}}},
		},
		{Key: "$unset", Value: bson.D{{Key: "deleting", Value: ""}}},
	})
	if isConflict(err) {
		return false, nil
	}
	if err != nil {
		return false, failed("holding a role", err)
	}
	return result.MatchedCount > 0, nil
}

// releaseRole ends a hold. If it fails, the hold expires after holdsFor.
func (s *Store) releaseRole(ctx context.Context, id, hold string) {
	ctx, cancel := s.bound(detached(ctx))
	defer cancel()
	_, _ = s.roles.coll.UpdateOne(ctx, bson.D{{Key: "_id", Value: id}}, bson.D{
		{Key: "$pull", Value: bson.D{{Key: "holds", Value: bson.D{{Key: "id", Value: hold}}}}},
	})
}

// sweepHolds removes the holds that a crash has left. They have been invalid for long.
func (s *Store) sweepHolds(ctx context.Context, now time.Time) error {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	stale := bson.D{{Key: "at", Value: bson.D{{Key: "$lt", Value: nanos(now.Add(-2 * holdsFor))}}}}
	_, err := s.lossy(catalogName).UpdateMany(ctx, bson.D{
		{Key: "_id", Value: bson.D{{Key: "$gte", Value: rolePrefix}, {Key: "$lt", Value: rolePrefix + "~"}}},
		{Key: "holds", Value: bson.D{{Key: "$elemMatch", Value: stale}}},
	}, bson.D{{Key: "$pull", Value: bson.D{{Key: "holds", Value: stale}}}})
	return failed("sweeping holds of roles", err)
}

// roleExists returns domain.ErrRoleNotFound if the role does not exist.
func (s *Store) roleExists(ctx context.Context, id string) error {
	_, err := s.roles.byID(ctx, id[len(rolePrefix):])
	return err
}
