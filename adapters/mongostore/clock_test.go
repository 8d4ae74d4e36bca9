package mongostore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func skew(limit time.Duration) func(*mongostore.Config) {
	return func(c *mongostore.Config) { c.MaxSkew = limit }
}

func TestOpenRefusesSkewedClock(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ahead time.Duration // of the server
		want  error
	}{
		"the same time":          {0, nil},
		"a little before":        {-9 * time.Second, nil},
		"a little after":         {9 * time.Second, nil},
		"an hour before":         {-time.Hour, fault.ErrStorage},
		"a few seconds too much": {15 * time.Second, fault.ErrStorage},
		"a century before":       {-100 * 365 * 24 * time.Hour, fault.ErrStorage},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mongotap.Start(t)
			server.SetClock(func() time.Time { return newClock().Now().Add(tt.ahead) })
			config := mongostore.Config{
				URI: server.URI(), Database: server.Database, Clock: newClock(), NoTTL: true, Timeout: patience,
			}
			skew(mongostore.MaxSkew)(&config)
			s, err := mongostore.Open(t.Context(), config)
			if !errors.Is(err, tt.want) {
				t.Errorf("Open = %v, want %v", err, tt.want)
			}
			if err == nil {
				if err := s.Close(t.Context()); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestCallsFailWhileClockIsSkewed(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	server.SetClock(newClock().Now)
	own := newClock()
	s := openOwn(t, server, skew(mongostore.MaxSkew), func(c *mongostore.Config) { c.Clock = own })
	signIn(t, s)
	own.advance(time.Minute)
	if err := s.CompareClocks(t.Context()); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("CompareClocks with one minute of skew = %v, want fault.ErrStorage", err)
	}
	refusedInTime(t, s)
	own.advance(-time.Minute)
	if err := s.CompareClocks(t.Context()); err != nil {
		t.Error(err)
	}
	look(t, s, nil)
}

// TestNodeWithWrongClockAnswersNothingFromMemory sets the clock of a node that has a session in memory.
func TestNodeWithWrongClockAnswersNothingFromMemory(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	server.SetClock(newClock().Now)
	own := newClock()
	var seen readCounter
	s := openOwn(t, server, skew(mongostore.MaxSkew), func(c *mongostore.Config) {
		c.Clock, c.Lease, c.Monitor = own, mongostore.LeaseFor, seen.monitor()
	})
	_, id := newUser(t, s, 1)
	warm(t, s, &seen, id)
	own.advance(-time.Hour)
	if err := s.CompareClocks(t.Context()); !errors.Is(err, fault.ErrStorage) {
		t.Errorf("CompareClocks with an hour of skew = %v, want fault.ErrStorage", err)
	}
	for range 10 {
		if _, err := s.View().Lookup(t.Context(), id); !errors.Is(err, fault.ErrStorage) {
			t.Errorf("Lookup while the clock is wrong = %v, want fault.ErrStorage", err)
		}
	}
}
