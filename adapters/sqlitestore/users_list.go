package sqlitestore

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// List returns one page of users. With a cursor the cost depends on the length of the page, not on its number.
func (us *Users) List(ctx context.Context, q domain.UserQuery) (domain.UserPage, error) {
	var page domain.UserPage
	if q.Page.Limit <= 0 {
		q.Page.Limit = domain.DefaultPageLimit
	}
	order, err := orderOf(q.Sort)
	if err != nil {
		return page, err
	}
	plan, err := us.s.planUsers(ctx, &q, order)
	if err != nil || plan == nil {
		return page, err
	}
	query, args := plan.page(plan.limit, plan.offset)
	var last userPosition
	err = us.s.reads.each(ctx, func(rows rowScanner) error {
		var doc, text string
		var position userPosition
		if err := rows.Scan(&position.n, &position.key, &doc, &text); err != nil {
			return err
		}
		if len(page.Users) == q.Page.Limit { // one more than the limit: there is a next page
			page.Next = &domain.Cursor{Sort: string(order.sort), Key: last.key, ID: strconv.FormatInt(last.n, 10)}
			return nil
		}
		last = position
		user, err := decodeUser(doc, text)
		page.Users = append(page.Users, user)
		return err
	}, query, args...)
	if err != nil || q.NoTotal {
		return page, err
	}
	if plan.position == nil && plan.offset == 0 && page.Next == nil {
		page.Total = int64(len(page.Users))
		return page, nil
	}
	page.Total, page.TotalEstimated, err = plan.total(ctx)
	return page, err
}

// userPosition is a position in the order of a list: the value of the column, and n to distinguish equal values.
type userPosition struct {
	key string
	n   int64
}

// userOrder is a sort order of the list.
type userOrder struct {
	sort       domain.UserSort
	column     string // n is the order of creation
	index      string // index of all users in this order; empty for the table itself
	facetIndex string // index of the users of each facet in this order
	descending bool
	numeric    bool
}

func orderOf(sort domain.UserSort) (userOrder, error) {
	if sort == "" {
		sort = domain.SortCreatedDesc
	}
	name, descending := strings.CutPrefix(string(sort), "-")
	o := userOrder{sort: sort, descending: descending}
	switch domain.UserSort(name) {
	case domain.SortCreated:
		o.column, o.facetIndex, o.numeric = "n", "users_cell", true
	case domain.SortUsername:
		o.column, o.index, o.facetIndex = "username", "sqlite_autoindex_users_2", "users_cell_username"
	case domain.SortEmail:
		o.column, o.index, o.facetIndex = "email", "users_email", "users_cell_email"
	case domain.SortLastLogin:
		// Every sign-in changes the position of a user in this order. To keep that cheap there is only one index, by
		// facet, and a list of all users merges the facets.
		o.column, o.facetIndex, o.numeric = "last_login", "users_cell_last_login", true
	default:
		return o, fault.ErrInvalid.About("sort", "is not an order of this list")
	}
	return o, nil
}

// merged reports whether this order has only an index by facet, and none of all users.
func (o userOrder) merged() bool { return o.index == "" && o.column != "n" }

// by returns the ORDER BY clause for the table u. The table first has the n of the users.
func (o userOrder) by(first string) string {
	if o.column == "n" {
		return " ORDER BY " + first + ".n " + o.direction()
	}
	return " ORDER BY u." + o.column + " " + o.direction() + ", u.n " + o.direction()
}

func (o userOrder) direction() string {
	if o.descending {
		return "DESC"
	}
	return "ASC"
}

// after returns the condition that selects the users of the table u after the position.
func (o userOrder) after(first string, position *userPosition) (string, []any) {
	if position == nil {
		return "", nil
	}
	sign := ">"
	if o.descending {
		sign = "<"
	}
	if o.column == "n" {
		return " AND " + first + ".n " + sign + " ?", []any{position.n}
	}
	var key any = position.key
	if o.numeric {
		key, _ = strconv.ParseInt(position.key, 10, 64) // startAfter has validated it
	}
	return " AND (u." + o.column + ", u.n) " + sign + " (?, ?)", []any{key, position.n}
}

func (p *userPlan) startAfter(c *domain.Cursor) error {
	n, err := strconv.ParseInt(c.ID, 10, 64)
	if err == nil && p.order.numeric {
		_, err = strconv.ParseInt(c.Key, 10, 64)
	}
	if err != nil || c.Sort != string(p.order.sort) {
		return fault.ErrInvalid.About("cursor", "is not a cursor of this list")
	}
	p.position = &userPosition{c.Key, n}
	return nil
}

// facetCounts are the counters of the facets that match a query.
type facetCounts struct {
	all      int64
	matching int64
	facets   []int64 // facets that match
	filtered bool    // at least one facet does not match
}

func (s *Store) countFacets(ctx context.Context, q *domain.UserQuery) (facetCounts, error) {
	var c facetCounts
	err := s.reads.each(ctx, func(rows rowScanner) error {
		var facet, users int64
		var role domain.RoleID
		var status domain.UserStatus
		var directory domain.DirectoryID
		if err := rows.Scan(&facet, &role, &status, &directory, &users); err != nil {
			return err
		}
		c.all += users
		if (q.Role == "" || q.Role == role) && (q.Status == "" || q.Status == status) &&
			(q.Directory == "" || q.Directory == directory) && (q.ExcludeRole == "" || q.ExcludeRole != role) {
			c.matching += users
			c.facets = append(c.facets, facet)
		} else {
			c.filtered = true
		}
		return nil
	}, "SELECT cell, role, status, directory, users FROM user_cells WHERE users > 0")
	return c, err
}

// planUsers reads how many users each filter leaves and chooses the strategy. It returns nil if no user matches.
func (s *Store) planUsers(ctx context.Context, q *domain.UserQuery, order userOrder) (*userPlan, error) {
	counts, err := s.countFacets(ctx, q)
	if err != nil || counts.matching == 0 || records.SearchesNothing(q.Search) {
		return nil, err
	}
	p := &userPlan{
		s: s, order: order, counts: counts, group: q.Group, search: q.Search, members: counts.all,
		limit: q.Page.Limit + 1, offset: q.Page.Offset(),
	}
	if counts.filtered {
		p.facets = jsonArray(counts.facets)
	}
	if q.Group != "" {
		err := s.reads.get(ctx, errNoRow, "SELECT members FROM group_sizes WHERE group_id = ? AND members > 0",
			[]any{string(q.Group)}, &p.members)
		if errors.Is(err, errNoRow) {
			return nil, nil //nolint:nilnil // no match is not an error
		} else if err != nil {
			return nil, err
		}
	}
	if q.Page.After != nil {
		if err := p.startAfter(q.Page.After); err != nil {
			return nil, err
		}
	}
	if q.Search != "" {
		if err := p.buildMatch(ctx); err != nil {
			return nil, err
		}
	}
	return p, p.choose(ctx)
}
