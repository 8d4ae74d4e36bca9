package mongostore

import (
	"context"
	"slices"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
)

// AdminGuard implements ports.AdminGuard.
type AdminGuard struct{ s *Store }

// AdminGuard returns the store of administrators.
func (s *Store) AdminGuard() *AdminGuard { return &AdminGuard{s} }

type guardDocument struct {
	Members []domain.UserID `bson:"members"`
}

// Members returns the administrators in the guard document.
func (g *AdminGuard) Members(ctx context.Context) ([]domain.UserID, error) {
	var guard guardDocument
	_, err := g.s.readOne(ctx, g.s.db.Collection(guardsName), bson.D{{Key: "_id", Value: adminGuardID}}, &guard)
	slices.Sort(guard.Members)
	return guard.Members, err
}

// Join adds administrators.
func (g *AdminGuard) Join(ctx context.Context, ids ...domain.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	err := g.s.upsert(ctx, guardsName, bson.D{{Key: "_id", Value: adminGuardID}},
		bson.D{{Key: "$addToSet", Value: bson.D{{Key: "members", Value: bson.D{{Key: "$each", Value: ids}}}}}})
	return failed("joining the guard of administrators", err)
}

// Leave removes the IDs in one write, on the condition that another administrator remains.
func (g *AdminGuard) Leave(ctx context.Context, ids ...domain.UserID) error {
	if len(ids) == 0 {
		return nil
	}
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	err := retry(ctx, func() (decided bool, err error) {
		result, err := g.s.db.Collection(guardsName).UpdateOne(ctx,
			bson.D{{Key: "_id", Value: adminGuardID}, {
				Key:   "members",
				Value: bson.D{{Key: "$elemMatch", Value: bson.D{{Key: "$nin", Value: ids}}}},
			}},
			bson.D{{Key: "$pull", Value: bson.D{{Key: "members", Value: bson.D{{Key: "$in", Value: ids}}}}}})
		switch {
		case err != nil && !isConflict(err):
			return false, err
		case err == nil && result.MatchedCount > 0:
			return true, nil
		}
		return g.leaveRefusal(ctx, ids)
	})
	return failed("leaving the guard of administrators", err)
}

// leaveRefusal returns why the condition of Leave was not met: none of the IDs is a member, or there is no other
// member.
func (g *AdminGuard) leaveRefusal(ctx context.Context, ids []domain.UserID) (decided bool, err error) {
	members, err := g.Members(ctx)
	if err != nil {
		return false, err
	}
	in := func(id domain.UserID) bool { return slices.Contains(ids, id) }
	switch {
	case !slices.ContainsFunc(members, in):
		return true, nil
	case !slices.ContainsFunc(members, func(id domain.UserID) bool { return !in(id) }):
		return true, domain.ErrLastAdmin
	default:
		return false, nil // another administrator joined meanwhile
	}
}
