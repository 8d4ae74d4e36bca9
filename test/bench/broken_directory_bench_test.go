package bench_test

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// hangingDirectory is a directory whose server accepts connections and never answers.
func hangingDirectory(b *testing.B) ports.Directory {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = l.Close() })
	settings := ldapdir.Defaults(ldapdir.TypeLDAP)
	settings.URLs, settings.AllowPlaintext = []string{"ldap://" + l.Addr().String()}, true
	settings.BindDN, settings.BindPassword, settings.BaseDN = "cn=svc,dc=example,dc=org", "secret", "dc=example,dc=org"
	settings.Suffixes = []string{"corp.example"}
	d, err := ldapdir.New("corp", ldapdir.TypeLDAP, settings, wallClock{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close(context.Background()) })
	return d
}

// BenchmarkLoginBesideHangingDirectory measures logins of the built-in directory, alone and while eight people at a time try to
// sign in to a directory whose server hangs. The second is to stay within 1.2 times the first.
func BenchmarkLoginBesideHangingDirectory(b *testing.B) {
	const password = "An0ther-Strong-word!"
	s := kit.Start(b, kit.Options{Directories: []ports.Directory{hangingDirectory(b)}})
	s.Register(b, "ada", password, "user")
	login := func(ctx context.Context, from netip.Addr, name string) error {
		by := domain.Anonymous(domain.Origin{Address: from})
		_, err := s.Auth.Login(ctx, by, auth.LoginInput{Name: name, Password: password})
		return err
	}
	here := netip.MustParseAddr("192.0.2.9")
	measure := func(b *testing.B) {
		b.Helper()
		for b.Loop() {
			if err := login(b.Context(), here, "ada"); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.Run("alone", measure)
	b.Run("beside", func(b *testing.B) {
		ctx, stop := context.WithCancel(b.Context())
		var trying sync.WaitGroup
		for i := range 8 {
			trying.Go(func() {
				from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
				for n := 0; ctx.Err() == nil; n++ {
					_ = login(ctx, from, "user"+strconv.Itoa(i)+"-"+strconv.Itoa(n)+"@corp.example")
					select {
					case <-ctx.Done():
					case <-time.After(20 * time.Millisecond): // people who try again at once
					}
				}
			})
		}
		measure(b)
		stop()
		trying.Wait()
	})
}
