package mongostore

import (
	"context"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// RateLimiter implements ports.RateLimiter.
type RateLimiter struct{ s *Store }

// RateLimiter returns the store of rate limits.
func (s *Store) RateLimiter() *RateLimiter { return &RateLimiter{s} }

// rateDocument holds the times of the last allowed takes, oldest first, no more than the limit.
type rateDocument struct {
	Key     string  `bson:"_id"`
	Limit   int     `bson:"limit"`
	Taken   []int64 `bson:"taken"`
	Version int64   `bson:"v"`
	// TTL is when the document may be removed.
	TTL bson.DateTime `bson:"ttl"`
}

// newRate returns the document of a rate from another store, which does not record the limit: the first take adapts the
// document to the configured one.
func newRate(key string, kept domain.StoredRate) rateDocument {
	d := rateDocument{
		Key: key, Limit: max(1, len(kept.Window.Taken)), Taken: []int64{},
		TTL: bson.NewDateTimeFromTime(kept.Until.Add(time.Millisecond - 1)),
	}
	for _, at := range kept.Window.Taken {
		d.Taken = append(d.Taken, nanos(at))
	}
	return d
}

func (d rateDocument) window() domain.RateWindow {
	var w domain.RateWindow
	for _, at := range d.Taken {
		w.Taken = append(w.Taken, fromNanos(at))
	}
	return w
}

// Take takes one unit of the rate for key. The condition of one write decides: one more is allowed if fewer than the
// limit were taken, or if the oldest of the last limit takes is out of the window. If the document exists and does not
// meet the condition, the upsert fails with a duplicate key, which is the refusal. The limit is exact across all nodes.
func (l *RateLimiter) Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	ctx, cancel := l.s.bound(ctx)
	defer cancel()
	var state domain.RateState
	err := retry(ctx, func() (decided bool, err error) {
		taken, err := l.tryTake(ctx, key, rate, now)
		if err == nil {
			// The take is in the window already: computing it again only returns the remaining state.
			window := taken.window()
			window.Taken = window.Taken[:len(window.Taken)-1]
			state = window.Take(rate, now)
			return true, nil
		}
		if !isDuplicate(err) && !isConflict(err) {
			return false, err
		}
		state, decided, err = l.refusal(ctx, key, rate, now)
		return decided, err
	})
	if err != nil {
		return domain.RateState{}, failed("taking from a rate limit", err)
	}
	return state, nil
}

func (l *RateLimiter) tryTake(ctx context.Context, key string, rate domain.Rate, now time.Time) (rateDocument, error) {
	filter := bson.D{
		{Key: "_id", Value: key},
		{Key: "limit", Value: rate.Limit},
		{Key: "$or", Value: bson.A{
			bson.D{{Key: "taken." + strconv.Itoa(rate.Limit-1), Value: bson.D{{Key: "$exists", Value: false}}}},
			bson.D{{Key: "taken.0", Value: bson.D{{Key: "$lte", Value: nanos(now.Add(-rate.Window))}}}},
		}},
	}
	update := bson.D{
		{Key: "$push", Value: bson.D{{Key: "taken", Value: bson.D{
			{Key: "$each", Value: bson.A{nanos(now)}}, {Key: "$sort", Value: 1}, {Key: "$slice", Value: -rate.Limit},
		}}}},
		{Key: "$max", Value: bson.D{{Key: "ttl", Value: sweepAt(now.Add(rate.Window))}}},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
	}
	var taken rateDocument
	err := l.s.db.Collection(ratesName).FindOneAndUpdate(ctx, filter, update,
		options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&taken)
	return taken, err
}

// Release removes one take with the time given.
func (l *RateLimiter) Release(ctx context.Context, key string, rate domain.Rate, taken,
	now time.Time,
) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	ctx, cancel := l.s.bound(ctx)
	defer cancel()
	var state domain.RateState
	err := retry(ctx, func() (decided bool, err error) {
		state, decided, err = l.tryGiveBack(ctx, key, rate, taken, now)
		return decided, err
	})
	if err != nil {
		return domain.RateState{}, failed("returning a take to a rate limit", err)
	}
	return state, nil
}

// tryGiveBack removes the take unless the document changes meanwhile. $pull would remove every take with the same time.
func (l *RateLimiter) tryGiveBack(ctx context.Context, key string, rate domain.Rate, taken,
	now time.Time,
) (domain.RateState, bool, error) {
	var stored rateDocument
	_, err := l.s.readOne(ctx, l.s.db.Collection(ratesName), bson.D{{Key: "_id", Value: key}}, &stored)
	if err != nil {
		return domain.RateState{}, false, err
	}
	window := stored.window()
	before := len(window.Taken)
	state := window.Release(rate, taken, now)
	if len(window.Taken) == before {
		return state, true, nil
	}
	left := []int64{}
	for _, at := range window.Taken {
		left = append(left, nanos(at))
	}
	updated, err := l.s.db.Collection(ratesName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: key}, {Key: "v", Value: stored.Version}}, bson.D{
			{Key: "$set", Value: bson.D{{Key: "taken", Value: left}}},
			{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
		})
	if isConflict(err) {
		return domain.RateState{}, false, nil
	}
	if err != nil {
		return domain.RateState{}, false, err
	}
	return state, updated.MatchedCount == 1, nil
}

// refusal reads the stored document and returns whether the take is refused. If decided is false, the take must be
// tried again: the document was removed meanwhile, or has been adapted from another limit to this one.
func (l *RateLimiter) refusal(ctx context.Context, key string, rate domain.Rate, now time.Time) (state domain.RateState,
	decided bool, err error,
) {
	var stored rateDocument
	found, err := l.s.readOne(ctx, l.s.db.Collection(ratesName), bson.D{{Key: "_id", Value: key}}, &stored)
	if err != nil || !found {
		return domain.RateState{}, false, err
	}
	window := stored.window()
	if stored.Limit != rate.Limit {
		return domain.RateState{}, false, l.adapt(ctx, stored, rate)
	}
	state = window.Take(rate, now)
	return state, !state.Allowed, nil
}

// adapt adapts a document to a changed limit and keeps the last takes.
func (l *RateLimiter) adapt(ctx context.Context, stored rateDocument, rate domain.Rate) error {
	kept := stored.Taken[max(0, len(stored.Taken)-rate.Limit):]
	_, err := l.s.db.Collection(ratesName).UpdateOne(ctx,
		bson.D{{Key: "_id", Value: stored.Key}, {Key: "v", Value: stored.Version}},
		bson.D{
			{Key: "$set", Value: bson.D{{Key: "limit", Value: rate.Limit}, {Key: "taken", Value: kept}}},
			{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
		})
	return failed("taking from a rate limit", err)
}
