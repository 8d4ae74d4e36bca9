package bench_test

import (
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

const (
	probes       = 60 // of each kind
	loadSignIns  = 16 // at once
	wrongHorse   = "Wrong-horse-11"
	probeAddress = "127.0.0.1"
)

// BenchmarkSignInTimingByExistence measures how well the response time of a refused sign-in distinguishes a user from
// an unknown name while other sign-ins keep every processor busy. Probes for a user and for an unknown name alternate.
// The rate is how often the best threshold for one probe is right: 0.5 is chance. The ratio is that of the medians. The
// load comes from another network, or from the network of the probes.
func BenchmarkSignInTimingByExistence(b *testing.B) {
	for name, source := range map[string]string{"load-elsewhere": "127.0.0.2", "load-beside": probeAddress} {
		b.Run(name, func(b *testing.B) { measureExistence(b, source) })
	}
}

func measureExistence(b *testing.B, loadSource string) {
	b.Helper()
	p := startProgram(b)
	_, admin, err := p.login("root")
	if err != nil {
		b.Fatal(err)
	}
	user := func(i int) string { return fmt.Sprintf("person%d", i) }
	for i := range probes + loadSignIns { // the load signs in as others than are probed
		status, _, err := p.call("/users", admin,
			map[string]string{"username": user(i), "email": user(i) + "@example.com", "password": password})
		if err != nil || status != http.StatusCreated {
			b.Fatalf("making a user: %d, %v", status, err)
		}
	}
	var known, unknown []time.Duration
	round := 0
	for b.Loop() {
		end := p.load(loadSource, user, round)
		prober := p.from(probeAddress)
		for i := range probes {
			known = append(known, prober.refused(b, user(i)))
			unknown = append(unknown, prober.refused(b, fmt.Sprintf("nobody%d-%d", round, i)))
		}
		end()
		round++
	}
	b.ReportMetric(distinguished(known, unknown), "rate")
	b.ReportMetric(float64(median(known))/float64(median(unknown)), "ratio")
	b.ReportMetric(float64(median(known).Milliseconds()), "ms-known")
	b.ReportMetric(float64(median(unknown).Milliseconds()), "ms-unknown")
}

// from returns the program with a client whose connections come from the address.
func (p *program) from(address string) *program {
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(address)}}
	there := *p
	there.client = &http.Client{
		Transport: &http.Transport{DialContext: dialer.DialContext, MaxIdleConnsPerHost: 300},
		Timeout:   time.Minute,
	}
	return &there
}

// load keeps as many sign-ins of users and of unknown names under way as loadSignIns, until end is called.
func (p *program) load(source string, user func(int) string, round int) (end func()) {
	there, stop := p.from(source), make(chan struct{})
	var all sync.WaitGroup
	for i := range loadSignIns {
		all.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				name := fmt.Sprintf("load%d-%d-%d", round, i, n)
				if i%2 == 0 {
					name = user(probes + i)
				}
				_, _, _ = there.login(name)
			}
		})
	}
	return func() {
		close(stop)
		all.Wait()
	}
}

// refused returns how long the refusal of a wrong password takes.
func (p *program) refused(b *testing.B, name string) time.Duration {
	b.Helper()
	began := time.Now()
	status, _, err := p.call("/auth/login", "", map[string]string{"username": name, "password": wrongHorse})
	if err != nil || status != http.StatusUnauthorized {
		b.Fatalf("a wrong password: %d, %v", status, err)
	}
	return time.Since(began)
}

// distinguished returns how often the best threshold classifies the two kinds of samples correctly, each as frequent
// as the other.
func distinguished(one, other []time.Duration) float64 {
	best := 0.5
	for _, threshold := range slices.Concat(one, other) {
		below := func(all []time.Duration) float64 {
			n := 0
			for _, d := range all {
				if d <= threshold {
					n++
				}
			}
			return float64(n) / float64(len(all))
		}
		right := 0.5 + (below(one)-below(other))/2
		best = max(best, right, 1-right)
	}
	return best
}

func median(all []time.Duration) time.Duration {
	sorted := slices.Sorted(slices.Values(all))
	return sorted[len(sorted)/2]
}
