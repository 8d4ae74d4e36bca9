package bench_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

// asked is how many users, and how many unknown names, one measurement asks for.
const asked = 100

// BenchmarkExistenceCost compares the processor time, of the node and its database, of requests about users with that
// of the same requests about unknown names, in alternating rounds of one run. The hashes of passwords have a fraction
// of their normal cost, so that the work of the store counts.
func BenchmarkExistenceCost(b *testing.B) {
	b.Run("sqlite", func(b *testing.B) {
		existenceCost(b, "SQLite", kit.Options{}, func() time.Duration { return cpuTime(b) })
	})
	for kind, start := range mongod.Kinds() {
		b.Run(kind, func(b *testing.B) {
			server := start(b)
			k := kit.Open(b, kit.Setup{Dir: b.TempDir(), Now: kit.Noon, KEK: keyring.NewKey()})
			store := openNode(b, server.URI(), server.Database(b), k.Clock)
			existenceCost(b, "MongoDB, "+kind,
				kit.Options{Kit: k, Ports: func(p *ports.Storage) { *p = store.Ports() }},
				func() time.Duration { return cpuTime(b) + databaseTime(b, server) })
		})
	}
}

// question is a request about a name that may exist.
type question struct {
	name, unit string
	ask        func(ctx context.Context, name string) error
	want       error
}

func questions(s *kit.Services) []question {
	by := kit.From("192.0.2.1")
	return []question{
		{"reset request", "reset-ratio", func(ctx context.Context, name string) error {
			_, err := s.Account.RequestReset(ctx, by, name+"@example.com")
			return err
		}, nil},
		{"refused sign-in", "sign-in-ratio", func(ctx context.Context, name string) error {
			_, err := s.Auth.Login(ctx, by, auth.LoginInput{Name: name, Password: wrongHorse})
			return err
		}, fault.ErrUnauthorized},
	}
}

// existenceCost reports the ratios on one store. spent returns the processor time of the node and its database.
func existenceCost(b *testing.B, store string, options kit.Options, spent func() time.Duration) {
	b.Helper()
	unlimited := domain.Rate{Limit: 1_000_000, Window: time.Hour}
	options.LoginRate, options.ResetRate, options.ResetSource = unlimited, unlimited, unlimited
	s := kit.Start(b, options)
	for i := range asked {
		s.Register(b, fmt.Sprintf("known%d", i), password, string(domain.RoleUser))
	}
	for _, q := range questions(s) {
		cost := func(kind string) func() float64 {
			return func() float64 {
				s.Clock.Forward(2 * time.Hour) // nobody is locked out
				before := spent()
				for i := range asked {
					if err := q.ask(b.Context(), fmt.Sprintf("%s%d", kind, i)); !errors.Is(err, q.want) {
						b.Fatalf("%s of %s%d: got %v, want %v", q.name, kind, i, err, q.want)
					}
				}
				return float64(spent() - before)
			}
		}
		b.Run(q.name, func(b *testing.B) {
			ratio := medianRatio(b, cost("known"), cost("unknown"))
			b.ReportMetric(ratio, "known/unknown")
			withLimit(b, fmt.Sprintf("%s, user or unknown name: %s", q.name, store), max(ratio, 1/ratio), 1.1, q.unit)
		})
	}
}
