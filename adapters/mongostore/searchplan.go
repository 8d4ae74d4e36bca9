package mongostore

import (
	"context"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/records"
	"github.com/ostiary/ostiary/core/domain"
)

const (
	endsIndex = "ends"
	triIndex  = "tri"
	// fewFound is the maximum number of users that are read and sorted for one page.
	fewFound int64 = 2500
	// maxWindows is the maximum number of ends of a long term whose users are counted, to search by the rarest.
	maxWindows = 4
	// countWithin limits the count of a search with other filters, and sampled is the number of users from which an
	// estimate is made instead.
	countWithin       = 800 * time.Millisecond
	sampled     int64 = 1000
)

// userSearch is one query of the list with a search. It first counts, in the indexes alone, the users with a part of
// the term and those that the other filters match, up to a limit. The smaller number decides how the page is read.
type userSearch struct {
	s     *Store
	order order
	query domain.UserQuery
	rest  bson.D // the other filters
	after bson.D // the position of the page

	old    bool   // some users are in the earlier format of the search
	piece  string // the rarest end of the term
	exact  bool   // piece is the whole term
	found  int64  // users with piece: exact up to domain.ExactTotal if piece is the whole term, else up to fewFound
	others int64  // users that rest matches, up to fewFound
}

// search returns one page of a search.
func (us *Users) search(ctx context.Context, p *userSearch) (page domain.UserPage, err error) {
	term := p.query.Search
	if records.SearchesNothing(term) {
		return page, nil
	}
	ctx, cancel := us.s.bound(ctx)
	defer cancel()
	if err := p.measure(ctx); err != nil {
		return page, err
	}
	switch {
	case p.old:
		page, err = p.read(ctx, both(inEveryFormat(term), p.rest), nil)
	case len(p.rest) > 0 && p.others <= min(p.s.fewFound, p.found):
		page, err = p.read(ctx, both(p.rest, withText(term)), nil)
	case p.found <= p.s.fewFound:
		page, err = p.read(ctx, p.matches(), endsIndex)
	default:
		page, err = p.readCommon(ctx)
	}
	if err != nil || p.query.NoTotal {
		return page, err
	}
	if page.Total, page.TotalEstimated, err = p.total(ctx); page.TotalEstimated {
		page.Total = max(page.Total, int64(p.query.Page.Offset()+len(page.Users)))
	}
	return page, err
}

// measure counts what decides how to read.
func (p *userSearch) measure(ctx context.Context) error {
	windows := records.SpreadPieces(p.query.Search, maxEnd, maxWindows)
	p.exact = len(windows) == 1 && windows[0] == p.query.Search
	limit := p.s.fewFound + 1
	if p.exact {
		limit = domain.ExactTotal + 1
	}
	counts := make([]int64, len(windows))
	var stale int64
	tasks := []func() error{func() (err error) {
		stale, err = p.count(ctx, inOldFormat, 1, nil)
		return err
	}}
	for i, window := range windows {
		tasks = append(tasks, func() (err error) {
			counts[i], err = p.count(ctx, withEnd(window, allClasses()), limit, endsIndex)
			return err
		})
	}
	if len(p.rest) > 0 {
		tasks = append(tasks, func() (err error) {
			p.others, err = p.count(ctx, p.rest, p.s.fewFound+1, nil)
			return err
		})
	}
	if err := together(tasks); err != nil {
		return err
	}
	p.old, p.found = stale > 0, limit+1
	for i, n := range counts {
		if n < p.found {
			p.piece, p.found = windows[i], n
		}
	}
	return nil
}

// together runs the tasks concurrently and returns the first error in their order.
func together(tasks []func() error) error {
	errs := make([]error, len(tasks))
	var running sync.WaitGroup
	for i, task := range tasks {
		running.Go(func() { errs[i] = task() })
	}
	running.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// count counts the users that match the filter, up to limit.
func (p *userSearch) count(ctx context.Context, filter bson.D, limit int64, hint any) (int64, error) {
	o := options.Count().SetLimit(limit)
	if hint != nil {
		o.SetHint(hint)
	}
	n, err := p.s.users.coll.CountDocuments(ctx, filter, o)
	return n, failed("counting "+usersName, err)
}

// matches returns the filter of all matches by the ends of names.
func (p *userSearch) matches() bson.D {
	filter := both(withEnd(p.piece, allClasses()), p.rest)
	if !p.exact {
		filter = both(filter, withText(p.query.Search))
	}
	return filter
}

// total counts the matches up to the limit of exact totals. With other filters the server may have to compare many
// users; a count that takes longer than countWithin is an estimate, so that the page is returned in any case.
func (p *userSearch) total(ctx context.Context) (n int64, estimated bool, err error) {
	const limit = domain.ExactTotal + 1
	if !p.old && len(p.rest) == 0 && p.exact {
		return p.found, p.found > domain.ExactTotal, nil
	}
	n, err = p.countMatches(ctx, limit)
	if err != nil && ctx.Err() == nil && !p.old {
		n, err = p.estimate(ctx)
		return n, true, err
	}
	return n, n > domain.ExactTotal, err
}

// countMatches counts up to the limit, for as long as countWithin.
func (p *userSearch) countMatches(ctx context.Context, limit int64) (int64, error) {
	short, cancel := context.WithTimeout(ctx, p.s.countWithin)
	defer cancel()
	switch {
	case p.old:
		return p.count(short, both(inEveryFormat(p.query.Search), p.rest), limit, nil)
	case len(p.rest) > 0 && p.others <= min(p.s.fewFound, p.found):
		return p.count(short, both(p.rest, withText(p.query.Search)), limit, nil)
	case len(p.rest) == 0 || p.found <= p.s.fewFound:
		return p.count(short, p.matches(), limit, endsIndex)
	default: // the server tries both ways
		return p.count(short, p.matches(), limit, nil)
	}
}

// estimate returns the part of the first users with the rarest end that match, as a number of those that were counted.
// It is too small if there are more: counting ends at a limit.
func (p *userSearch) estimate(ctx context.Context) (int64, error) {
	pipeline := bson.A{
		bson.D{{Key: "$match", Value: withEnd(p.piece, allClasses())}},
		bson.D{{Key: "$limit", Value: sampled}},
		bson.D{{Key: "$match", Value: both(p.rest, withText(p.query.Search))}},
		bson.D{{Key: "$count", Value: "n"}},
	}
	cursor, err := p.s.users.coll.Aggregate(ctx, pipeline, options.Aggregate().SetHint(endsIndex))
	var counted []struct {
		N int64 `bson:"n"`
	}
	if err == nil {
		err = cursor.All(ctx, &counted)
	}
	if err != nil || len(counted) == 0 {
		return 0, failed("estimating "+usersName, err)
	}
	return counted[0].N * max(p.found, sampled) / sampled, nil
}

// read reads the page of the users that match the filter, which are sorted unless the index is that of the order.
func (p *userSearch) read(ctx context.Context, filter bson.D, hint any) (domain.UserPage, error) {
	find := p.order.page(p.query.Page)
	if hint != nil {
		find.SetHint(hint)
	}
	after := p.after
	if p.old && after != nil { // both have alternatives
		after = bson.D{{Key: "$and", Value: bson.A{after}}}
	}
	users, err := p.s.users.list(ctx, both(filter, after), find)
	if err != nil {
		return domain.UserPage{}, err
	}
	return p.order.cut(users, p.query.Page.Limit), nil
}
