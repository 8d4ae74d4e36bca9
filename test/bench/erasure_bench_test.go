package bench_test

import (
	"context"
	"flag"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

var erasedEntries = flag.Int("erased-entries", 300_000, "how many entries of one person the benchmark erases")

// BenchmarkErasure measures how long the erasure of a person with many audit entries takes, under a deadline of the
// caller that is longer than that of any call of the store.
func BenchmarkErasure(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) { erasure(b, kit.Options{}) })
	b.Run("mongodb", func(b *testing.B) {
		server := mongod.Shared(b)
		k := kit.Open(b, kit.Setup{Dir: b.TempDir(), Now: kit.Noon, KEK: keyring.NewKey()})
		store, err := mongostore.Open(b.Context(), mongostore.Config{ // the time-out of a call is that of a service
			URI: server.URI(), Database: server.Database(b), Clock: k.Clock, Lease: mongostore.LeaseFor,
		})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = store.Close(context.WithoutCancel(b.Context())) })
		erasure(b, kit.Options{Kit: k, Ports: func(p *ports.Storage) { *p = store.Ports() }})
	})
}

func erasure(b *testing.B, options kit.Options) {
	b.Helper()
	s := kit.Start(b, options)
	reports := 0
	for b.Loop() {
		b.StopTimer()
		const batch = 1000
		for done := 0; done < *erasedEntries; {
			entries := make([]domain.AuditEntry, 0, batch)
			for range min(batch, *erasedEntries-done) {
				entries = append(entries, auditEntry(s, 0)) // of the busy user
				s.Clock.Forward(time.Second)
				done++
			}
			if err := s.Ports.Audit.Append(b.Context(), entries...); err != nil {
				b.Fatal(err)
			}
		}
		b.StartTimer()
		ctx, end := context.WithTimeout(b.Context(), 10*time.Minute)
		var erased, of int64
		report := func(done, total int64) { reports, erased, of = reports+1, done, total }
		if err := s.Ports.Eraser.ErasePerson(ctx, busyUser, report); err != nil {
			b.Fatalf("after %d of %d entries, %s: %v", erased, of, b.Elapsed(), err)
		}
		end()
	}
	b.ReportMetric(float64(reports)/float64(b.N), "reports/op")
}
