package bench_test

import (
	"context"
	"net/netip"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	troubleRounds = 6 // of each state, in turns
	troubleLasts  = 1500 * time.Millisecond
	troublePeople = 8
)

// BenchmarkLoginBesideBrokenDirectory measures logins of the built-in directory and of a healthy LDAP directory while
// people sign in to a third, whose server is healthy in every other round and broken in the others. Both kinds of
// rounds alternate, so that other load on the machine affects them equally. The columns are the ratios of their
// medians (×1.2 is allowed) and of their 90th percentiles, the ratio of the broken rounds' median to that of rounds
// without any other sign-ins, the medians of the healthy rounds, and the ratio of goroutines at the end to those at
// the start.
func BenchmarkLoginBesideBrokenDirectory(b *testing.B) {
	states := map[string]func(p *faultproxy.Proxy) (tick func()){
		"hangs":       func(p *faultproxy.Proxy) func() { p.Silent.Store(true); return func() {} },
		"cut-silent":  func(p *faultproxy.Proxy) func() { p.Silent.Store(true); p.Cut(); return func() {} },
		"refuses":     func(p *faultproxy.Proxy) func() { p.Refuse(); return func() {} },
		"crawls":      func(p *faultproxy.Proxy) func() { p.Delay.Store(int64(400 * time.Millisecond)); return func() {} },
		"flaps":       func(p *faultproxy.Proxy) func() { return p.Cut },
		"flaps-mutes": func(p *faultproxy.Proxy) func() { return func() { p.Silent.Store(!p.Silent.Load()) } },
	}
	for _, name := range []string{"hangs", "cut-silent", "refuses", "crawls", "flaps", "flaps-mutes"} {
		b.Run(name, func(b *testing.B) { newTrouble(b).measure(b, states[name]) })
	}
}

// trouble is an installation with two LDAP directories, one of them behind a proxy that breaks it.
type trouble struct {
	*kit.Services
	proxy *faultproxy.Proxy
	sick  ports.Directory
	quiet atomic.Bool // no sign-ins to the broken directory
}

func newTrouble(b *testing.B) *trouble {
	b.Helper()
	s := &trouble{proxy: faultproxy.New(b, openldap.Start(b, openldap.Options{}).Address())}
	s.sick = plainDirectory(b, "sick", "ldap://localhost:"+s.proxy.Port())
	well := plainDirectory(b, "well", openldap.Start(b, openldap.Options{}).URL)
	s.Services = kit.Start(b, kit.Options{Directories: []ports.Directory{s.sick, well}})
	s.Register(b, "ada", password, "user")
	return s
}

func plainDirectory(b *testing.B, id domain.DirectoryID, url string) ports.Directory {
	b.Helper()
	settings := ldapdir.Defaults(ldapdir.TypeLDAP)
	settings.URLs, settings.AllowPlaintext, settings.BaseDN = []string{url}, true, openldap.Base
	settings.BindDN, settings.BindPassword, settings.Suffixes = openldap.SearchDN, openldap.Password, []string{string(id) +
		".example"}
	settings.Timeouts = ldapdir.Timeouts{
		Connect: 500 * time.Millisecond, Request: 500 * time.Millisecond,
		Operation: time.Second,
	}
	settings.Breaker.Probe = 100 * time.Millisecond
	d, err := ldapdir.New(id, ldapdir.TypeLDAP, settings, wallClock{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = d.Close(context.Background()) })
	return d
}

func (s *trouble) login(ctx context.Context, from netip.Addr, name, password string) error {
	_, err := s.Auth.Login(ctx, domain.Anonymous(domain.Origin{Address: from}),
		auth.LoginInput{Name: name, Password: password})
	return err
}

// people keep signing in to the sick directory until the context ends, as people do who try again.
func (s *trouble) people(ctx context.Context) *sync.WaitGroup {
	var trying sync.WaitGroup
	for i := range troublePeople {
		trying.Go(func() {
			from := netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
			for ctx.Err() == nil {
				if !s.quiet.Load() {
					_ = s.login(ctx, from, "alice@sick.example", openldap.Password)
				}
				select {
				case <-ctx.Done():
				case <-time.After(100 * time.Millisecond):
				}
			}
		})
	}
	return &trying
}

func (s *trouble) measure(b *testing.B, breaks func(*faultproxy.Proxy) func()) {
	b.Helper()
	for b.Loop() {
		ctx, stop := context.WithCancel(b.Context())
		trying := s.people(ctx)
		var alone, well, broken spells
		s.heal(b)
		before := runtime.NumGoroutine()
		for range troubleRounds {
			s.heal(b)
			s.quiet.Store(true)
			s.spell(b, &alone, func() {})
			s.quiet.Store(false)
			s.spell(b, &well, func() {})
			s.spell(b, &broken, breaks(s.proxy))
		}
		s.heal(b)
		after := runtime.NumGoroutine()
		stop()
		trying.Wait()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(ratio(broken.local, well.local, 50), "local-p50-x")
		b.ReportMetric(ratio(broken.local, well.local, 90), "local-p90-x")
		b.ReportMetric(ratio(broken.ldap, well.ldap, 50), "ldap-p50-x")
		b.ReportMetric(ratio(broken.ldap, well.ldap, 90), "ldap-p90-x")
		b.ReportMetric(ratio(broken.local, alone.local, 50), "local-p50-alone-x")
		b.ReportMetric(ratio(broken.ldap, alone.ldap, 50), "ldap-p50-alone-x")
		b.ReportMetric(milliseconds(well.local), "local-ms")
		b.ReportMetric(milliseconds(well.ldap), "ldap-ms")
		b.ReportMetric(float64(after)/float64(before), "goroutines-x")
	}
}

// heal makes the sick directory well, and waits until it is known to be.
func (s *trouble) heal(b *testing.B) {
	b.Helper()
	s.proxy.Cut()
	s.proxy.Heal()
	for n := 0; ; n++ {
		err := s.login(b.Context(), netip.MustParseAddr("203.0.113.1"), "alice@sick.example", openldap.Password)
		if err == nil {
			return
		}
		if n == 6000 {
			b.Fatalf("the directory does not come back: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// spells are how long logins took.
type spells struct{ local, ldap []time.Duration }

// spell signs in to the other two directories in turns for a while; tick is called every 50 ms.
func (s *trouble) spell(b *testing.B, into *spells, tick func()) {
	b.Helper()
	from, last := netip.MustParseAddr("192.0.2.9"), time.Now()
	timed := func(name, password string) time.Duration {
		start := time.Now()
		if err := s.login(b.Context(), from, name, password); err != nil {
			b.Fatalf("%s: %v", name, err)
		}
		return time.Since(start)
	}
	for start := time.Now(); time.Since(start) < troubleLasts; {
		into.local = append(into.local, timed("ada", password))
		into.ldap = append(into.ldap, timed("bob@well.example", openldap.Password))
		if time.Since(last) > 50*time.Millisecond {
			tick()
			last = time.Now()
		}
	}
}

func percentile(of []time.Duration, n int) time.Duration {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[min(len(sorted)-1, len(sorted)*n/100)]
}

func ratio(of, to []time.Duration, n int) float64 {
	return float64(percentile(of, n)) / float64(percentile(to, n))
}

func milliseconds(of []time.Duration) float64 {
	return float64(percentile(of, 50)) / float64(time.Millisecond)
}
