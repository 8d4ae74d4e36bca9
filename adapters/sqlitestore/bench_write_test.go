package sqlitestore_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/domain"
)

// BenchmarkLook is the hot path: a session and its user from memory, and from the disk when they are not there.
func BenchmarkLook(b *testing.B) {
	s := userStore(b, 100_000)
	user := benchUser(rand.New(rand.NewPCG(1, 2)))
	ids := make([]domain.SessionID, 1000)
	for i := range ids {
		u := user(i)
		ids[i] = u.Sessions[0].ID
		session := domain.Session{ID: ids[i], UserID: u.ID, CreatedAt: u.CreatedAt, ExpiresAt: u.CreatedAt.Add(time.Hour)}
		if _, err := s.Sessions().Get(b.Context(), session.ID); err == nil {
			continue // kept from an earlier run
		}
		if err := s.Sessions().Create(b.Context(), session); err != nil {
			b.Fatal(err)
		}
	}
	view := s.View()
	next := 0
	look := func() error {
		next++
		_, err := view.Look(b.Context(), ids[next%len(ids)])
		return err
	}
	b.Run("from memory", func(b *testing.B) {
		for range ids {
			if err := look(); err != nil {
				b.Fatal(err)
			}
		}
		measure(b, look)
	})
	b.Run("from memory, many at once", func(b *testing.B) {
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				if _, err := view.Look(b.Context(), ids[i%len(ids)]); err != nil {
					b.Error(err)
				}
			}
		})
	})
	b.Run("with a touch", func(b *testing.B) {
		at := time.Now()
		measure(b, func() error {
			at = at.Add(time.Millisecond)
			return view.Touch(b.Context(), ids[next%len(ids)], at)
		})
	})
	b.Run("from the disk", func(b *testing.B) {
		s.Forget()
		measure(b, func() error {
			s.Forget()
			return look()
		})
	})
}

// BenchmarkWrite measures what a change costs, alone and with others that share its commit.
func BenchmarkWrite(b *testing.B) {
	s := openBenchStore(b)
	entry := func(i int64) domain.AuditEntry {
		return domain.AuditEntry{
			ID: domain.LogID(fmt.Sprintf("log_%026d", i)), Time: benchStart.Add(time.Duration(i) * time.Second), UserID: "usr_1",
			Action: domain.ActionLogin, Success: true, IPAddress: "192.0.2.1", UserAgent: "Mozilla/5.0", RequestID: fmt.Sprint("req-", i),
			Details: map[string]any{"method": "pwd"},
		}
	}
	make1 := benchUser(rand.New(rand.NewPCG(3, 4)))
	var count, seen atomic.Int64
	create := func(out domain.Outbox) error {
		i := count.Add(1)
		return s.Users().Create(b.Context(), make1(int(i)), out)
	}
	update := func(i int64, entries ...domain.AuditEntry) error {
		id := domain.UserID(fmt.Sprintf("usr_%026d", 1+i%count.Load()))
		_, err := s.Users().Update(b.Context(), id, func(u *domain.User, out *domain.Outbox) error {
			u.LastLogin = u.LastLogin.Add(time.Second)
			out.Record(entries...)
			return nil
		})
		return err
	}
	b.Run("create user", func(b *testing.B) { measure(b, func() error { return create(domain.Outbox{}) }) })
	b.Run("create user with entry", func(b *testing.B) {
		measure(b, func() error { return create(domain.Outbox{Entries: []domain.AuditEntry{entry(count.Load())}}) })
	})
	b.Run("sign in", func(b *testing.B) { measure(b, func() error { return update(count.Load() * 7) }) })
	b.Run("sign in with entry", func(b *testing.B) {
		measure(b, func() error { return update(count.Load()*7, entry(count.Load())) })
	})
	b.Run("append entry", func(b *testing.B) { measure(b, func() error { return s.Audit().Append(b.Context(), entry(1)) }) })
	b.Run("take of a rate", func(b *testing.B) {
		var i int64
		measure(b, func() error {
			i++
			_, err := s.Guards().Take(b.Context(), fmt.Sprint("k", i%100), domain.Rate{Limit: 5, Window: time.Minute}, benchStart.Add(time.Duration(i)*time.Second))
			return err
		})
	})
	b.Run("sign in with entry, 64 at once", func(b *testing.B) {
		b.SetParallelism(32)
		before := cpuTime(b)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := seen.Add(1)
				if err := update(i, entry(i)); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N), "cpu-ns/op")
	})
}

func openBenchStore(b *testing.B) *sqlitestore.Store {
	b.Helper()
	s, err := sqlitestore.Open(b.Context(), config(b.TempDir()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close(context.WithoutCancel(b.Context())) })
	return s
}

// BenchmarkOpen is the start of the store with 100,000 users in it.
func BenchmarkOpen(b *testing.B) {
	s := userStore(b, 100_000)
	dir := s.Dir()
	if err := s.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
	measure(b, func() error {
		s, err := sqlitestore.Open(b.Context(), config(dir))
		if err != nil {
			return err
		}
		return s.Close(b.Context())
	})
}
