package bench_test

import (
	"flag"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"runtime/debug"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

var auditEntries = flag.Int("audit-entries", 5_000_000, "how many entries the audit log of the benchmarks has")

// The kinds of entries of a log as a service has it: mostly sign-ins.
var auditMix = []domain.Action{
	domain.ActionLogin, domain.ActionLogin, domain.ActionLogin, domain.ActionLogout, domain.ActionLogin,
	domain.ActionLoginFailed,
	domain.ActionUserUpdate, domain.ActionLogin, domain.ActionDataAccess, domain.ActionPermissionChange,
}

// fill writes and seals entries, one every six seconds: five million are about a year.
func fill(b *testing.B, s *kit.Services, count int) {
	b.Helper()
	const batch = 4000
	for done := 0; done < count; {
		entries := make([]domain.AuditEntry, 0, batch)
		for range min(batch, count-done) {
			entries = append(entries, auditEntry(s, done))
			s.Clock.Forward(6 * time.Second)
			done++
		}
		if err := s.Store.Audit().Append(b.Context(), entries...); err != nil {
			b.Fatal(err)
		}
		if _, err := s.Sequencer.Seal(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// busyUser did a fifth of everything, and half of that failed.
const busyUser = "usr_busy0000000000000000000000"

func auditEntry(s *kit.Services, n int) domain.AuditEntry {
	user := domain.UserID(fmt.Sprintf("usr_%026d", n%50_000))
	if n%5 == 0 {
		user = busyUser
	}
	by := domain.Principal{Kind: domain.PrincipalUser, UserID: user, Origin: domain.Origin{
		Address:   netip.AddrFrom4([4]byte{10, byte(n >> 12), byte(n >> 6), byte(n)}),
		UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
		RequestID: fmt.Sprintf("req_%026d", n),
	}}
	action := auditMix[n%len(auditMix)]
	entry := s.AuditWriter.Entry(by, action, string(user), audit.Detail("method", "password"),
		audit.Detail("session_id", "sess_01hm6x0vj3k8q5d2c7y9t4b6na"))
	if action == domain.ActionLoginFailed {
		audit.Failed("bad_credentials")(&entry)
		audit.Personal("username", "johndoe")(&entry)
	}
	return entry
}

// BenchmarkAudit measures the log at its full size. Targets: lists 2 ms, an append 0.2 ms beside a change, sealing
// 2,000 entries/s, export 200,000 entries/s in under 100 MB.
func BenchmarkAudit(b *testing.B) {
	s := kit.Start(b, kit.Options{})
	fill(b, s, *auditEntries)
	b.Run("list", func(b *testing.B) { benchmarkLists(b, s) })
	b.Run("append", func(b *testing.B) { benchmarkAppend(b, s) })
	b.Run("seal", func(b *testing.B) { benchmarkSeal(b, s) })
	b.Run("export", func(b *testing.B) { benchmarkExport(b, s) })
}

func benchmarkLists(b *testing.B, s *kit.Services) {
	failed := false
	rare := s.Clock.Now().Add(-time.Duration(*auditEntries) * 3 * time.Second) // the middle
	filters := map[string]domain.AuditQuery{
		"all":    {},
		"user":   {UserID: "usr_00000000000000000000000007"},
		"action": {Actions: []domain.Action{domain.ActionLoginFailed}},
		"actions": {Actions: []domain.Action{
			domain.ActionLogin, domain.ActionPermissionChange,
			domain.ActionDataAccess,
		}},
		"range":                      {From: rare, Until: rare.Add(24 * time.Hour)},
		"address":                    {IPAddress: "10.0.0.7"},
		"failures":                   {Success: &failed},
		"request":                    {RequestID: "req_00000000000000000000001234"},
		"user and failures":          {UserID: "usr_00000000000000000000000005", Success: &failed},
		"user and range":             {UserID: "usr_00000000000000000000000007", From: rare},
		"failures and range":         {Success: &failed, From: rare, Until: rare.Add(24 * time.Hour)},
		"busy user":                  {UserID: busyUser},
		"busy user and failures":     {UserID: busyUser, Success: &failed},
		"busy user and range":        {UserID: busyUser, From: rare, Until: rare.Add(24 * time.Hour)},
		"busy user, failures, range": {UserID: busyUser, Success: &failed, From: rare, Until: rare.Add(24 * time.Hour)},
		"address and failures":       {IPAddress: "10.0.0.5", Success: &failed},
		"busy user and address":      {UserID: busyUser, IPAddress: "10.0.0.5"},
		"actions, failures and range": {
			Actions: []domain.Action{domain.ActionLoginFailed, domain.ActionLogin},
			Success: &failed, From: rare,
		},
		"action and range": {Actions: []domain.Action{domain.ActionLogout}, From: rare, Until: rare.Add(time.Hour)},
	}
	for name, query := range filters {
		query.Page = domain.Page{Number: 1, Limit: 20}
		b.Run(name+"/first", func(b *testing.B) { list(b, s, query) })
		query.Page.After = deepCursor(b, s, query)
		b.Run(name+"/cursor", func(b *testing.B) { list(b, s, query) })
	}
}

// deepCursor returns the cursor of a place two hundred pages down, or of the last page.
func deepCursor(b *testing.B, s *kit.Services, query domain.AuditQuery) *domain.Cursor {
	b.Helper()
	var cursor *domain.Cursor
	for range 200 {
		page, err := s.Store.Audit().List(b.Context(), query)
		if err != nil {
			b.Fatal(err)
		}
		if page.Next == nil {
			break
		}
		cursor, query.Page.After = page.Next, page.Next
	}
	return cursor
}

func list(b *testing.B, s *kit.Services, query domain.AuditQuery) {
	defer reportCPU(b)()
	for b.Loop() {
		if _, err := s.Store.Audit().List(b.Context(), query); err != nil {
			b.Fatal(err)
		}
	}
}

// benchmarkAppend compares a change with its entry and without.
func benchmarkAppend(b *testing.B, s *kit.Services) {
	user := s.User(b, "bench", domain.RoleUser)
	for name, with := range map[string]int{"without entry": 0, "with entry": 1, "with ten entries": 10} {
		b.Run(name, func(b *testing.B) {
			n := 0
			defer reportCPU(b)()
			for b.Loop() {
				_, err := s.Store.Users().Update(b.Context(), user.ID, func(u *domain.User, out *domain.Outbox) error {
					n++
					u.FullName = fmt.Sprint("Name ", n)
					for range with {
						out.Record(auditEntry(s, n))
					}
					return nil
				})
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchmarkSeal(b *testing.B, s *kit.Services) {
	const batch = 2000
	sealed := 0
	for b.Loop() {
		b.StopTimer()
		entries := make([]domain.AuditEntry, batch)
		for i := range entries {
			entries[i] = auditEntry(s, i)
		}
		if err := s.Store.Audit().Append(b.Context(), entries...); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		n, err := s.Sequencer.Seal(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		sealed += n
	}
	b.ReportMetric(float64(sealed)/b.Elapsed().Seconds(), "entries/s")
}

func benchmarkExport(b *testing.B, s *kit.Services) {
	for _, format := range []audit.Format{audit.FormatNDJSON, audit.FormatJSON, audit.FormatCSV} {
		b.Run(string(format), func(b *testing.B) {
			var peak uint64
			counted := 0
			before := cpuTime(b)
			for b.Loop() {
				export, err := s.Audit.Export(b.Context(), domain.Operator(), audit.ExportRequest{Format: format})
				if err != nil {
					b.Fatal(err)
				}
				debug.FreeOSMemory()
				lines := &counter{}
				if err := export.WriteTo(b.Context(), lines); err != nil {
					b.Fatal(err)
				}
				counted += lines.lines
				peak = max(peak, lines.heap)
			}
			b.ReportMetric(float64(counted)/b.Elapsed().Seconds(), "entries/s")
			b.ReportMetric(float64(counted)/(cpuTime(b)-before).Seconds(), "entries/cpu-s")
			b.ReportMetric(float64(peak)/1e6, "MB-heap")
		})
	}
}

// counter counts lines and looks at the heap now and then.
type counter struct {
	lines, writes int
	heap          uint64
}

var _ io.Writer = (*counter)(nil)

func (c *counter) Write(p []byte) (int, error) {
	for _, x := range p {
		if x == '\n' {
			c.lines++
		}
	}
	if c.writes++; c.writes%1000 == 1 {
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		c.heap = max(c.heap, stats.HeapInuse)
	}
	return len(p), nil
}
