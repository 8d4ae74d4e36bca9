package bench_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

// BenchmarkLookup is the hot path of every request: a live session with its user, from memory. Target: a microsecond.
func BenchmarkLookup(b *testing.B) {
	k := kit.New(b)
	addUsers(b, k, 2000)
	ids := make([]domain.SessionID, 1000)
	for i := range ids {
		ids[i] = domain.SessionID(fmt.Sprintf("sess_%026d", i))
		session := domain.Session{
			ID: ids[i], UserID: domain.UserID(fmt.Sprintf("usr_%026d", i)), CreatedAt: firstUser,
			ExpiresAt: firstUser.Add(time.Hour),
		}
		if err := k.Store.Sessions().Create(b.Context(), session); err != nil {
			b.Fatal(err)
		}
	}
	view := k.Store.View()
	b.Run("one at a time", func(b *testing.B) {
		i := 0
		defer reportCPU(b)()
		for b.Loop() {
			i++
			if _, err := view.Lookup(b.Context(), ids[i%len(ids)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("many at once", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, err := view.Lookup(b.Context(), ids[i%len(ids)]); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("touch", func(b *testing.B) {
		at := firstUser
		defer reportCPU(b)()
		for b.Loop() {
			at = at.Add(time.Millisecond)
			if err := view.Touch(b.Context(), ids[at.Nanosecond()/1e6%len(ids)], at); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWrite measures changes that are on disk when they return, alone and with others that share their commit.
func BenchmarkWrite(b *testing.B) {
	k := kit.New(b)
	addUsers(b, k, 5000)
	random, made := rand.New(rand.NewPCG(3, 4)), 5000
	var turn atomic.Int64
	signIn := func() error {
		n := turn.Add(1)
		_, err := k.Store.Users().Update(b.Context(), domain.UserID(fmt.Sprintf("usr_%026d", n*7%5000)),
			func(u *domain.User, out *domain.Outbox) error {
				u.LastLogin = u.LastLogin.Add(time.Second)
				out.Record(k.AuditWriter.Entry(domain.Principal{UserID: u.ID}, domain.ActionLogin, string(u.ID)))
				return nil
			})
		return err
	}
	for name, write := range map[string]func() error{
		"create user": func() error {
			made++
			return k.Store.Users().Create(b.Context(), benchUser(random, made), domain.Outbox{})
		},
		"sign-in with its entry": signIn,
		"take of a rate": func() error {
			n := turn.Add(1)
			_, err := k.Store.RateLimiter().Take(b.Context(), strconv.FormatInt(n%100, 10),
				domain.Rate{Limit: 5, Window: time.Minute}, firstUser.Add(time.Duration(n)*time.Second))
			return err
		},
	} {
		b.Run(name, func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				if err := write(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("sign-in with its entry, 64 at once", func(b *testing.B) {
		b.SetParallelism(32)
		defer reportCPU(b)()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if err := signIn(); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

// BenchmarkOpen is the start of the store with 100,000 users in it.
func BenchmarkOpen(b *testing.B) {
	k := kit.New(b)
	addUsers(b, k, 100_000)
	if err := k.Store.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	defer reportCPU(b)()
	for b.Loop() {
		s, err := sqlitestore.Open(b.Context(), sqlitestore.Config{Dir: k.Dir, Clock: k.Clock})
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
