package mongostore

import (
	"context"
	"errors"
	"strconv"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/core/domain"
)

// rateDocument holds the times of the last takes that were allowed, as many as the limit, oldest first.
type rateDocument struct {
	Key     string  `bson:"_id"`
	Limit   int     `bson:"limit"`
	Taken   []int64 `bson:"taken"`
	Version int64   `bson:"v"`
	// TTL is when it may be swept.
	TTL bson.DateTime `bson:"ttl"`
}

// newRate is the document of a limit that comes from another store. Which limit it is, that store does not tell: the first take
// fits it to the present one.
func newRate(key string, kept domain.KeptRate) rateDocument {
	d := rateDocument{Key: key, Limit: max(1, len(kept.Window.Taken)), Taken: []int64{}, TTL: bson.NewDateTimeFromTime(kept.Until.Add(time.Millisecond - 1))}
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

// Take asks for one more of what key names. The condition of one write decides: while fewer than the limit were taken, or the
// oldest of the last so many is out of the window, one more may be. A key whose document does not meet it cannot be made
// either, and that duplicate is the refusal. It is exact over all nodes.
func (g *Guards) Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	for race := range maxRaces {
		taken, err := g.tryTake(ctx, key, rate, now)
		if err == nil {
			// What was taken is in the window already: asking again tells only what is left.
			window := taken.window()
			window.Taken = window.Taken[:len(window.Taken)-1]
			return window.Take(rate, now), nil
		}
		if !isDuplicate(err) && !isConflict(err) {
			return domain.RateState{}, failed("taking from a limit", err)
		}
		state, decided, err := g.refusal(ctx, key, rate, now)
		if decided || err != nil {
			return state, err
		}
		if err := pause(ctx, race); err != nil {
			return domain.RateState{}, err
		}
	}
	return domain.RateState{}, failed("taking from a limit", errLostRace)
}

func (g *Guards) tryTake(ctx context.Context, key string, rate domain.Rate, now time.Time) (rateDocument, error) {
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
	err := g.s.db.Collection(ratesName).FindOneAndUpdate(ctx, filter, update,
		options.FindOneAndUpdate().SetUpsert(true).SetReturnDocument(options.After)).Decode(&taken)
	return taken, err
}

// GiveBack removes one take of the time given.
func (g *Guards) GiveBack(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	ctx, cancel := g.s.bound(ctx)
	defer cancel()
	for race := range maxRaces {
		state, done, err := g.tryGiveBack(ctx, key, rate, taken, now)
		if done || err != nil {
			return state, err
		}
		if err := pause(ctx, race); err != nil {
			return domain.RateState{}, err
		}
	}
	return domain.RateState{}, failed("giving back to a limit", errLostRace)
}

// tryGiveBack removes the take unless the document changes meanwhile. $pull would remove every take of the same moment.
func (g *Guards) tryGiveBack(ctx context.Context, key string, rate domain.Rate, taken, now time.Time) (domain.RateState, bool, error) {
	var stored rateDocument
	err := g.s.db.Collection(ratesName).FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&stored)
	if errors.Is(err, mongo.ErrNoDocuments) {
		var window domain.RateWindow
		return window.GiveBack(rate, taken, now), true, nil
	}
	if err != nil {
		return domain.RateState{}, false, failed("giving back to a limit", err)
	}
	window := stored.window()
	before := len(window.Taken)
	state := window.GiveBack(rate, taken, now)
	if len(window.Taken) == before {
		return state, true, nil
	}
	left := []int64{}
	for _, at := range window.Taken {
		left = append(left, nanos(at))
	}
	updated, err := g.s.db.Collection(ratesName).UpdateOne(ctx, bson.D{{Key: "_id", Value: key}, {Key: "v", Value: stored.Version}}, bson.D{
		{Key: "$set", Value: bson.D{{Key: "taken", Value: left}}},
		{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
	})
	if isConflict(err) {
		return domain.RateState{}, false, nil
	}
	if err != nil {
		return domain.RateState{}, false, failed("giving back to a limit", err)
	}
	return state, updated.MatchedCount == 1, nil
}

// refusal tells by what stands there whether the take is refused. Not decided means that it is to be tried again: the
// document went away in between, or was of another limit and is of this one now.
func (g *Guards) refusal(ctx context.Context, key string, rate domain.Rate, now time.Time) (state domain.RateState, decided bool, err error) {
	var standing rateDocument
	err = g.s.db.Collection(ratesName).FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&standing)
	if errors.Is(err, mongo.ErrNoDocuments) {
		return domain.RateState{}, false, nil
	}
	if err != nil {
		return domain.RateState{}, false, failed("taking from a limit", err)
	}
	window := standing.window()
	if standing.Limit != rate.Limit {
		return domain.RateState{}, false, g.fitTo(ctx, standing, rate)
	}
	state = window.Take(rate, now)
	return state, !state.Allowed, nil
}

// fitTo brings a document to the limit of a changed configuration: the last takes stay.
func (g *Guards) fitTo(ctx context.Context, standing rateDocument, rate domain.Rate) error {
	kept := standing.Taken[max(0, len(standing.Taken)-rate.Limit):]
	_, err := g.s.db.Collection(ratesName).UpdateOne(ctx, bson.D{{Key: "_id", Value: standing.Key}, {Key: "v", Value: standing.Version}},
		bson.D{
			{Key: "$set", Value: bson.D{{Key: "limit", Value: rate.Limit}, {Key: "taken", Value: kept}}},
			{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}},
		})
	return failed("taking from a limit", err)
}
