package httpserver

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	victoria "github.com/VictoriaMetrics/metrics"
)

// The names of the metrics. docs/operate.md describes them.
const (
	requestsMetric = "ostiary_http_requests_total"
	durationMetric = "ostiary_http_request_duration_seconds"
	refusedMetric  = "ostiary_http_connections_refused_total"
)

// help inserts the descriptions of the metrics, for which the library writes an empty line.
var help = strings.NewReplacer(
	"# HELP "+requestsMetric+"\n", "# HELP "+requestsMetric+" Responses by API, method, route template and status.\n",
	"# HELP "+durationMetric+"\n", "# HELP "+durationMetric+" Time from the complete request to the response.\n",
	"# HELP "+refusedMetric+"\n", "# HELP "+refusedMetric+" Connections closed at the limit of their source.\n",
)

// durationBuckets are the upper bounds of the buckets of durationMetric.
var durationBuckets = []float64{.0002, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10}

// metrics counts requests by route, never by user, id or address: the number of series is fixed when the server is
// made.
type metrics struct {
	set           *victoria.Set
	sourceLimited *victoria.Counter
}

func newMetrics(set *victoria.Set) *metrics {
	victoria.ExposeMetadata(true) // lines with the type and the description of each metric
	return &metrics{set: set, sourceLimited: set.GetOrCreateCounter(refusedMetric)}
}

// requests returns the counter of the requests with a status. The labels are constants and route templates.
func (m *metrics) requests(api, method, route string, status int) *victoria.Counter {
	return m.set.GetOrCreateCounter(fmt.Sprintf(
		`%s{api=%q,method=%q,route=%q,status="%d"}`, requestsMetric, api, method, route, status))
}

// routeMetrics are the series of one route, looked up once.
type routeMetrics struct {
	all                *metrics
	api, method, route string
	duration           *victoria.PrometheusHistogram
	ok                 *victoria.Counter // 200, by far the most frequent
}

func (m *metrics) forRoute(api, method, route string) *routeMetrics {
	return &routeMetrics{
		all: m, api: api, method: method, route: route,
		duration: m.set.GetOrCreatePrometheusHistogramExt(
			fmt.Sprintf(`%s{api=%q,method=%q,route=%q}`, durationMetric, api, method, route), durationBuckets),
		ok: m.requests(api, method, route, http.StatusOK),
	}
}

func (m *routeMetrics) observe(status int, took time.Duration) {
	m.duration.Update(took.Seconds())
	if status == http.StatusOK {
		m.ok.Inc()
		return
	}
	m.all.requests(m.api, m.method, m.route, status).Inc()
}

func (m *metrics) unmatched(status int) { m.requests("none", "any", "unmatched", status).Inc() }

func (m *metrics) broken(status int) { m.requests("none", "any", "broken", status).Inc() }
