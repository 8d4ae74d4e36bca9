package bench_test

import (
	"flag"
	"runtime"
	"runtime/debug"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/ldapdir"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/openldap"
	"github.com/ostiary/ostiary/test/kit"
)

var directoryPeople = flag.Int("directory-people", 100_000, "how many people the directory of the benchmarks has")

type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

// watchHeap watches the heap until it is stopped, and returns the highest that it saw.
func watchHeap() (stop func() uint64) {
	runtime.GC()
	debug.FreeOSMemory()
	var peak atomic.Uint64
	done, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			peak.Store(max(peak.Load(), m.HeapInuse))
			select {
			case <-done:
				return
			case <-time.After(200 * time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(done)
		<-stopped
		return peak.Load()
	}
}

func syncedHouse(b *testing.B) (*kit.Services, *directory.Service) {
	b.Helper()
	slapd := openldap.Start(b, openldap.Options{Users: *directoryPeople})
	settings := ldapdir.Defaults(ldapdir.TypeLDAP)
	settings.URLs, settings.CAFile, settings.BaseDN = []string{slapd.TLSURL}, slapd.CAFile, openldap.Base
	settings.BindDN, settings.BindPassword, settings.PageSize = openldap.SearchDN, openldap.Password, 1000
	settings.Timeouts = ldapdir.Timeouts{Connect: 30 * time.Second, Request: time.Minute, Operation: time.Minute}
	corp, err := ldapdir.New("corp", ldapdir.TypeLDAP, settings, wallClock{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = corp.Close(b.Context()) })
	s := kit.Start(b, kit.Options{Directories: []ports.Directory{corp}})
	return s, s.Directory
}

// BenchmarkDirectorySync synchronizes a real slapd with the embedded store: a first run, a scheduled run without
// changes, and a full run.
func BenchmarkDirectorySync(b *testing.B) {
	s, service := syncedHouse(b)
	for _, run := range []struct {
		name     string
		created  int
		complete bool
	}{{"first run", *directoryPeople, true}, {"no changes", 0, false}, {"everybody again", 0, true}} {
		if run.name == "everybody again" {
			s.Clock.Forward(25 * time.Hour)
		}
		b.Run(run.name, func(b *testing.B) {
			stop, started := watchHeap(), time.Now()
			if err := service.RunScheduled(b.Context()); err != nil {
				b.Fatal(err)
			}
			took := time.Since(started)
			b.ReportMetric(took.Seconds(), "s/run")
			b.ReportMetric(float64(stop())/(1<<20), "MB-heap")
			b.ReportMetric(0, "ns/op")
			result := service.Status()["corp"].Result
			if result.Failed > 0 || result.Created < run.created || result.Complete != run.complete {
				b.Fatalf("created %d, failed %d %q, complete %v", result.Created, result.Failed, result.Failures, result.Complete)
			}
		})
	}
}
