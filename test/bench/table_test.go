package bench_test

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestMain prints the table of the figures that have a limit after the benchmarks.
func TestMain(m *testing.M) {
	code := m.Run()
	limited.print(os.Stdout)
	os.Exit(code)
}

// row is a figure beside its limit.
type row struct {
	name   string
	figure float64
	limit  float64
	unit   string
}

// table collects the rows of a run, in the order of their names.
type table struct {
	mu   sync.Mutex
	rows []row
}

var limited table

// withLimit reports a figure of a benchmark with its limit: as a metric of the benchmark, and as a row of the table
// that ends the run. A figure is a cost of one operation, or a ratio of two costs of the same run. The last report of a
// name counts: the testing package runs a benchmark several times.
func withLimit(b *testing.B, name string, figure, limit float64, unit string) {
	b.Helper()
	b.ReportMetric(figure, unit)
	limited.add(row{name: name, figure: figure, limit: limit, unit: unit})
}

func (t *table) add(r row) {
	t.mu.Lock()
	defer t.mu.Unlock()
	at, found := slices.BinarySearchFunc(t.rows, r, func(a, b row) int { return strings.Compare(a.name, b.name) })
	if found {
		t.rows[at] = r
		return
	}
	t.rows = slices.Insert(t.rows, at, r)
}

// print writes the table. It writes nothing if no figure was measured.
func (t *table) print(to io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.rows) == 0 {
		return
	}
	_, _ = fmt.Fprintf(to, "\n%-58s %12s %12s %-8s\n", "figure", "measured", "limit", "unit")
	for _, r := range t.rows {
		verdict := "ok"
		if r.figure > r.limit {
			verdict = fmt.Sprintf("%.2f × the limit", r.figure/r.limit)
		}
		_, _ = fmt.Fprintf(to, "%-58s %12.4g %12.4g %-8s %s\n", r.name, r.figure, r.limit, r.unit, verdict)
	}
}

// medianRatio alternates between two measured functions, so that other load on the machine is the same for both, and
// returns the median of the ratios of their costs.
func medianRatio(b *testing.B, measured, base func() float64) float64 {
	b.Helper()
	measured() // caches and pools fill
	base()
	var ratios []float64
	for b.Loop() {
		ratios = append(ratios, measured()/base())
	}
	slices.Sort(ratios)
	return ratios[len(ratios)/2]
}

// TestTableMarksFiguresBeyondTheirLimit checks the table: order, the last report of a name, and the mark.
func TestTableMarksFiguresBeyondTheirLimit(t *testing.T) {
	t.Parallel()
	var tab table
	tab.add(row{"verify", 9, 1.5, "times"})
	tab.add(row{"list", 0.2, 0.25, "ms"})
	tab.add(row{"verify", 3, 1.5, "times"})
	var text strings.Builder
	tab.print(&text)
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	if len(lines) != 3 || !strings.HasPrefix(lines[1], "list") || !strings.HasSuffix(lines[1], "ok") ||
		!strings.HasSuffix(lines[2], "2.00 × the limit") {
		t.Errorf("got %s", text.String())
	}
}
