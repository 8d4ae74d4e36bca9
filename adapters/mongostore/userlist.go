package mongostore

import (
	"context"
	"math"
	"strconv"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// order is a sort order of a list.
type order struct {
	sort      domain.UserSort
	field     string
	index     string // serves the order if there is no filter
	bit       rune   // of the ends that begin with this field
	direction int
	key       func(*domain.User) string
	parse     func(string) (any, error)
}

func timeKey(text string) (any, error) { return strconv.ParseInt(text, 10, 64) }
func textKey(text string) (any, error) { return text, nil }

func orderOf(sort domain.UserSort) (order, error) {
	if sort == "" {
		sort = domain.SortCreatedDesc
	}
	o := order{sort: sort, direction: 1}
	name := string(sort)
	if rest, ok := strings.CutPrefix(name, "-"); ok {
		o.direction, name = -1, rest
	}
	switch domain.UserSort(name) {
	case domain.SortCreated:
		o.field, o.index, o.parse = "doc.createdat", "created", timeKey
		o.key = func(u *domain.User) string { return strconv.FormatInt(nanos(u.CreatedAt), 10) }
	case domain.SortLastLogin:
		o.field, o.index, o.parse = "doc.lastlogin", "last_login", timeKey
		o.key = func(u *domain.User) string { return strconv.FormatInt(nanos(u.LastLogin), 10) }
	case domain.SortUsername:
		o.field, o.index, o.bit, o.parse = "doc.usernamekey", "username", userEnd, textKey
		o.key = func(u *domain.User) string { return u.UsernameKey }
	case domain.SortEmail:
		o.field, o.index, o.bit, o.parse = "doc.emailkey", "email", emailEnd, textKey
		o.key = func(u *domain.User) string { return u.EmailKey }
	default:
		return order{}, fault.ErrInvalid.About("sort", "is not an order of this list")
	}
	return o, nil
}

// List returns one page of users.
func (us *Users) List(ctx context.Context, query domain.UserQuery) (domain.UserPage, error) {
	o, err := orderOf(query.Sort)
	if err != nil {
		return domain.UserPage{}, err
	}
	if query.Page.Limit <= 0 {
		query.Page.Limit = domain.DefaultPageLimit
	}
	filter := userFilter(query)
	position, err := o.after(query.Page.After)
	if err != nil {
		return domain.UserPage{}, err
	}
	if query.Search != "" {
		return us.search(ctx, &userSearch{s: us.s, order: o, query: query, rest: filter, after: position})
	}
	find := o.page(query.Page)
	if len(filter) == 0 {
		find.SetHint(o.index) // without a filter the sort order selects the index
	}
	users, err := us.s.users.list(ctx, both(filter, position), find)
	if err != nil {
		return domain.UserPage{}, err
	}
	page := o.cut(users, query.Page.Limit)
	if query.NoTotal {
		return page, nil
	}
	page.Total, page.TotalEstimated, err = us.total(ctx, query, filter)
	return page, err
}

// total counts the matching users: all of them, or all without a role, exactly.
func (us *Users) total(ctx context.Context, query domain.UserQuery, filter bson.D) (n int64, estimated bool,
	err error,
) {
	without := domain.UserQuery{ExcludeRole: query.ExcludeRole, Sort: query.Sort, Page: query.Page}
	if query != without {
		return us.s.total(ctx, us.s.users.coll, filter)
	}
	ctx, cancel := us.s.bound(ctx)
	defer cancel()
	coll := us.s.users.coll
	if n, estimated, err = us.s.size(ctx, coll, "created", "doc.createdat"); err != nil {
		return 0, false, err
	}
	gone, err := coll.CountDocuments(ctx, bson.D{{Key: "gone", Value: true}}, options.Count().SetHint("gone"))
	if err != nil || query.ExcludeRole == "" {
		return n - gone, estimated, failed("counting users", err)
	}
	excluded, err := coll.CountDocuments(ctx, bson.D{{Key: "doc.role", Value: query.ExcludeRole}},
		options.Count().SetHint("role"))
	return n - gone - excluded, estimated, failed("counting users", err)
}

// page returns the options that read a page and one user more.
func (o order) page(page domain.Page) *options.FindOptionsBuilder {
	return options.Find().SetSort(o.fields()).SetLimit(int64(page.Limit) + 1).
		SetBatchSize(int32(min(page.Limit, math.MaxInt32-2)) + 2).SetSkip(int64(page.Offset())) //nolint:gosec // bounded; one reply
}

// cut returns the page of the users, of which there is one more if there is a next page.
func (o order) cut(users []domain.User, limit int) domain.UserPage {
	page := domain.UserPage{Users: users}
	if len(users) > limit {
		page.Users = users[:limit]
		last := &page.Users[limit-1]
		page.Next = &domain.Cursor{Sort: string(o.sort), Key: o.key(last), ID: string(last.ID)}
	}
	return page
}

// both returns a filter with all conditions.
func both(filters ...bson.D) bson.D {
	all := bson.D{}
	for _, filter := range filters {
		all = append(all, filter...)
	}
	return all
}

func (o order) fields() bson.D {
	return bson.D{{Key: o.field, Value: o.direction}, {Key: "_id", Value: o.direction}}
}

// after returns the condition for entries after the cursor: a range of the sort key, and of the ID where the keys are
// equal.
func (o order) after(cursor *domain.Cursor) (bson.D, error) {
	if cursor == nil {
		return nil, nil
	}
	key, err := o.parse(cursor.Key)
	if err != nil || cursor.Sort != string(o.sort) || !isID(cursor.ID) {
		return nil, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
	}
	return seek(o.field, key, cursor.ID, o.direction), nil
}

// isID reports whether text has the form of an ID of the service.
func isID(text string) bool {
	return text != "" && strings.Trim(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

func seek(field string, key any, id string, direction int) bson.D {
	open, closed := "$gt", "$gte"
	if direction < 0 {
		open, closed = "$lt", "$lte"
	}
	return bson.D{
		{Key: field, Value: bson.D{{Key: closed, Value: key}}},
		{Key: "$or", Value: bson.A{
			bson.D{{Key: field, Value: bson.D{{Key: open, Value: key}}}},
			bson.D{{Key: "_id", Value: bson.D{{Key: open, Value: id}}}},
		}},
	}
}

// userFilter returns the conditions of the query except the search.
func userFilter(q domain.UserQuery) bson.D {
	var filter bson.D
	add := func(field, value string) {
		if value != "" {
			filter = append(filter, bson.E{Key: field, Value: value})
		}
	}
	if q.ExcludeRole != "" {
		if q.Role == q.ExcludeRole {
			return matchNone
		}
		if q.Role == "" {
			filter = append(filter,
				bson.E{Key: "doc.role", Value: bson.D{{Key: "$gte", Value: ""}, {Key: "$ne", Value: q.ExcludeRole}}})
		}
	}
	add("doc.role", string(q.Role))
	add("doc.groups", string(q.Group))
	add("doc.status", string(q.Status))
	add("doc.directory", string(q.Directory))
	return filter
}

// total counts the documents that match the filter, up to a limit.
func (s *Store) total(ctx context.Context, coll *mongo.Collection, filter bson.D) (n int64, estimated bool, err error) {
	ctx, cancel := s.bound(ctx)
	defer cancel()
	n, err = coll.CountDocuments(ctx, filter, options.Count().SetLimit(domain.ExactTotal+1))
	return n, n > domain.ExactTotal, failed("counting "+coll.Name(), err)
}
