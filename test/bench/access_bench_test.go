package bench_test

import (
	"fmt"
	"testing"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

const benchPassword = "Correct-Horse-7-Battery"

// BenchmarkAccess measures permission checks beside verifying a token, which is what they are held against: a check may
// cost 1.5 times as much, a batch of a hundred 0.3 ms, whatever the number of the user's groups.
func BenchmarkAccess(b *testing.B) {
	s := kit.Start(b, kit.Options{})
	s.Register(b, "root", benchPassword, "admin")
	plain := s.Register(b, "plain", benchPassword, "user")
	joined := s.Register(b, "joined", benchPassword, "user")
	for i := range 200 {
		name := fmt.Sprintf("group_%03d", i)
		_, err := s.Access.CreateGroup(b.Context(), domain.Operator(), access.GroupInput{
			Name: name, Permissions: []string{fmt.Sprintf("team%d.read", i), fmt.Sprintf("team%d.write", i)},
		})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := s.Access.AddMember(b.Context(), domain.Operator(), name, string(joined.ID)); err != nil {
			b.Fatal(err)
		}
	}
	_, admin := s.SignIn(b, "root", benchPassword, "198.51.100.1")
	signedIn, _ := s.SignIn(b, "joined", benchPassword, "203.0.113.9")
	one, _ := s.SignIn(b, "plain", benchPassword, "203.0.113.9")

	verify := func(token string) func(*testing.B) {
		return func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				if _, err := s.Auth.Authenticate(b.Context(), token, kit.Origin); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	b.Run("verify", verify(one.Tokens.Access))
	b.Run("verify in 200 groups", verify(signedIn.Tokens.Access))
	for name, user := range map[string]domain.UserID{"check": plain.ID, "check in 200 groups": joined.ID} {
		b.Run(name, func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				if _, err := s.Access.Check(b.Context(), admin, user, "team199.write"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	batch := make([]string, 100)
	for i := range batch {
		batch[i] = fmt.Sprintf("team%d.write", 2*i)
	}
	for name, user := range map[string]domain.UserID{"batch of 100": plain.ID, "batch of 100 in 200 groups": joined.ID} {
		b.Run(name, func(b *testing.B) {
			defer reportCPU(b)()
			for b.Loop() {
				if _, err := s.Access.CheckAll(b.Context(), admin, user, batch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
