package mongostore

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

const (
	// scanFor limits the reading of a page in the order of an index whose matches may be far away.
	scanFor = 300 * time.Millisecond
	// spanCount is the number of matches of a piece whose distance says how rare it is.
	spanCount = 64
	maxTris   = 4
)

// position is a user's position in an order.
type position struct {
	ID  string `bson:"_id"`
	Doc struct {
		Created  int64  `bson:"createdat"`
		Username string `bson:"usernamekey"`
		Email    string `bson:"emailkey"`
	} `bson:"doc"`
}

var positionFields = bson.D{
	{Key: "doc.createdat", Value: 1}, {Key: "doc.usernamekey", Value: 1}, {Key: "doc.emailkey", Value: 1},
}

// readCommon reads the page of a search that many users match.
func (p *userSearch) readCommon(ctx context.Context) (domain.UserPage, error) {
	switch {
	case p.order.index == "created" && len([]rune(p.query.Search)) >= records.SearchPiece:
		return p.readByCreation(ctx)
	case p.order.bit != 0:
		return p.readByName(ctx)
	}
	return p.scan(ctx)
}

// need is the number of matches up to the end of the page, and one more if there is a next page.
func (p *userSearch) need() int { return p.query.Page.Offset() + p.query.Page.Limit + 1 }

// scan reads the users in the order of the index and compares the text of each. If that takes long, since the first
// matches are far away in this order, it sorts all matches instead.
func (p *userSearch) scan(ctx context.Context) (domain.UserPage, error) {
	if few, err := p.sortsFaster(ctx); err != nil || few {
		if err == nil {
			return p.read(ctx, p.matches(), endsIndex)
		}
		return domain.UserPage{}, err
	}
	short, cancel := context.WithTimeout(ctx, scanFor)
	defer cancel()
	page, err := p.read(short, both(p.rest, withText(p.query.Search)), p.order.index)
	if err == nil {
		return page, nil
	}
	return p.read(ctx, p.matches(), endsIndex)
}

// sortsFaster reports whether there are fewer matches than users among which a page of matches is expected.
func (p *userSearch) sortsFaster(ctx context.Context) (bool, error) {
	if !p.exact || p.found > domain.ExactTotal {
		return false, nil
	}
	n, err := p.s.users.coll.EstimatedDocumentCount(ctx)
	return p.found*p.found < n*int64(p.need()), failed("counting "+usersName, err)
}

// readByName reads the page in the order of usernames or email addresses. Names that begin like the term are together
// in this order, which can be far away. The others are read by their ends if they are few.
func (p *userSearch) readByName(ctx context.Context) (domain.UserPage, error) {
	start := beginning(p.query.Search, classLength)
	elsewhere := withEnd(beginning(p.query.Search, maxEnd), classesWithout(p.order.bit))
	n, err := p.count(ctx, elsewhere, p.s.fewFound+1, endsIndex)
	if err != nil {
		return domain.UserPage{}, err
	}
	if n > p.s.fewFound {
		return p.scan(ctx)
	}
	rest := both(p.rest, withText(p.query.Search))
	var first, others []position
	err = together([]func() error{
		func() (err error) {
			names := bson.D{{Key: "$and", Value: bson.A{both(beginsWith(p.order.field, start), rest), both(bson.D{}, p.after)}}}
			first, err = p.positions(ctx, names, p.order.index, p.order.fields())
			return err
		},
		func() (err error) {
			others, err = p.positions(ctx, both(elsewhere, rest, p.after), endsIndex, p.order.fields())
			return err
		},
	})
	if err != nil {
		return domain.UserPage{}, err
	}
	all := append(first, others...)
	slices.SortFunc(all, p.order.comparePositions)
	return p.load(ctx, slices.Compact(all))
}

// beginsWith matches documents whose field begins with the text.
func beginsWith(field, text string) bson.D {
	return bson.D{{Key: field, Value: bson.D{{Key: "$gte", Value: text}, {Key: "$lt", Value: text + "\U0010ffff"}}}}
}

// readByCreation reads the page with the index of substrings in the order of creation. The index does not separate
// users of the same time, so that those at the end of the page are read again by their IDs.
func (p *userSearch) readByCreation(ctx context.Context) (domain.UserPage, error) {
	piece, err := p.rarest(ctx)
	if err != nil {
		return domain.UserPage{}, err
	}
	filter := both(bson.D{{Key: triField, Value: piece}}, p.rest, withText(p.query.Search), p.after)
	byTime := bson.D{{Key: p.order.field, Value: p.order.direction}}
	found, err := p.positions(ctx, filter, triIndex, byTime)
	if err != nil {
		return domain.UserPage{}, err
	}
	if n := p.need(); len(found) == n && n > 1 && found[n-2].Doc.Created == found[n-1].Doc.Created {
		at := found[n-1].Doc.Created
		found = slices.DeleteFunc(found, func(x position) bool { return x.Doc.Created == at })
		same := bson.D{{Key: "$and", Value: bson.A{
			both(bson.D{{Key: p.order.field, Value: at}}, p.rest, withText(p.query.Search)), both(bson.D{}, p.after),
		}}}
		ties, err := p.positions(ctx, same, p.order.index, p.order.fields())
		if err != nil {
			return domain.UserPage{}, err
		}
		found = append(found, ties[:min(len(ties), n-len(found))]...)
	}
	slices.SortFunc(found, p.order.comparePositions)
	return p.load(ctx, found)
}

// rarest returns the piece of the term whose matches are the farthest apart where the page begins.
func (p *userSearch) rarest(ctx context.Context) (string, error) {
	pieces := records.SpreadPieces(p.query.Search, records.SearchPiece, maxTris)
	if len(pieces) == 1 {
		return pieces[0], nil
	}
	spans := make([]int64, len(pieces))
	tasks := make([]func() error, len(pieces))
	for i, piece := range pieces {
		tasks[i] = func() error {
			var found []position
			err := findAll(ctx, p.s.users.coll, both(bson.D{{Key: triField, Value: piece}}, p.after), options.Find().
				SetHint(triIndex).SetSort(bson.D{{Key: p.order.field, Value: p.order.direction}}).SetSkip(spanCount).SetLimit(1).
				SetProjection(bson.D{{Key: "_id", Value: 0}, {Key: p.order.field, Value: 1}}), &found)
			spans[i] = math.MaxInt64
			if len(found) > 0 {
				spans[i] = found[0].Doc.Created * int64(p.order.direction)
			}
			return err
		}
	}
	if err := together(tasks); err != nil {
		return "", err
	}
	return records.RarestPieces(pieces, spans, 1)[0], nil
}

// positions returns the positions of the first users that match the filter, up to the end of the page.
func (p *userSearch) positions(ctx context.Context, filter bson.D, hint string, sort bson.D) ([]position, error) {
	var found []position
	err := findAll(ctx, p.s.users.coll, filter, options.Find().SetHint(hint).SetSort(sort).SetLimit(int64(p.need())).
		SetProjection(positionFields), &found)
	return found, err
}

// load reads the users of the page, which the positions end with.
func (p *userSearch) load(ctx context.Context, found []position) (page domain.UserPage, err error) {
	limit := p.query.Page.Limit
	found = found[min(len(found), p.query.Page.Offset()):min(len(found), p.need())]
	if len(found) > limit {
		found = found[:limit]
		last := found[limit-1]
		page.Next = &domain.Cursor{Sort: string(p.order.sort), Key: p.order.positionKey(last), ID: last.ID}
	}
	if len(found) == 0 {
		return page, nil
	}
	place := make(map[domain.UserID]int, len(found))
	ids := make(bson.A, len(found))
	for i := range found {
		place[domain.UserID(found[i].ID)], ids[i] = i, found[i].ID
	}
	page.Users, err = p.s.users.list(ctx, bson.D{{Key: "_id", Value: bson.D{{Key: "$in", Value: ids}}}}, options.Find())
	slices.SortFunc(page.Users, func(a, b domain.User) int { return place[a.ID] - place[b.ID] })
	return page, err
}

func (o order) positionKey(x position) string {
	switch o.index {
	case "username":
		return x.Doc.Username
	case "email":
		return x.Doc.Email
	}
	return strconv.FormatInt(x.Doc.Created, 10)
}

// comparePositions compares in the order of the list.
func (o order) comparePositions(a, b position) int {
	var c int
	switch o.index {
	case "username":
		c = cmp.Compare(a.Doc.Username, b.Doc.Username)
	case "email":
		c = cmp.Compare(a.Doc.Email, b.Doc.Email)
	default:
		c = cmp.Compare(a.Doc.Created, b.Doc.Created)
	}
	return o.direction * cmp.Or(c, cmp.Compare(a.ID, b.ID))
}
