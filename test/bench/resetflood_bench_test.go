package bench_test

import (
	"fmt"
	"io/fs"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// BenchmarkResetRequestFlood has one machine ask for resets of addresses that no user has, as fast as it can. The
// columns are the requests a second, how many of 1,000 were accepted, and by how many bytes the data directory grew for
// each. It is measured with the limit of one network, and without it, where repeated refusals are few entries of the
// audit log.
func BenchmarkResetRequestFlood(b *testing.B) {
	for name, setting := range map[string]string{"limited": "20/1h", "unlimited": "off"} {
		b.Run(name, func(b *testing.B) {
			b.Setenv("OSTIARY_RATE_LIMITS_PASSWORD_RESET_SOURCE", setting)
			measureResetFlood(b)
		})
	}
}

func measureResetFlood(b *testing.B) {
	b.Helper()
	const requests, atOnce = 4000, 40
	p := startProgram(b)
	before, began := p.diskUse(b), time.Now()
	var accepted, number atomic.Int64
	for b.Loop() {
		var all sync.WaitGroup
		for range atOnce {
			all.Go(func() {
				for range requests / atOnce {
					body := map[string]string{"email": fmt.Sprintf("nobody%d@example.com", number.Add(1))}
					status, _, err := p.call("/auth/password/reset-request", "", body)
					switch {
					case err != nil || status != http.StatusAccepted && status != http.StatusTooManyRequests:
						b.Errorf("a reset request: %d, %v", status, err)
					case status == http.StatusAccepted:
						accepted.Add(1)
					}
				}
			})
		}
		all.Wait()
	}
	total := float64(number.Load())
	b.ReportMetric(total/time.Since(began).Seconds(), "requests/s")
	b.ReportMetric(float64(accepted.Load())*1000/total, "accepted/1000")
	b.ReportMetric(float64(p.diskUse(b)-before)/total, "B-disk/request")
}

// diskUse returns the size of the database, without the part that SQLite reuses.
func (p *program) diskUse(b *testing.B) int64 {
	b.Helper()
	var size int64
	err := filepath.WalkDir(p.data, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, "-wal") {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return size
}
