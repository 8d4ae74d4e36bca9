package httpserver

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts requests by route, never by user, id or address: the number of series is fixed when the server is
// made.
type metrics struct {
	requests      *prometheus.CounterVec
	duration      *prometheus.HistogramVec
	sourceLimited prometheus.Counter
}

func newMetrics(registry *prometheus.Registry) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_http_requests_total", Help: "Requests answered, by API, method, route template and status.",
		}, []string{"api", "method", "route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ostiary_http_request_duration_seconds", Help: "Time from the whole request read to the answer made.",
			Buckets: []float64{.0002, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"api", "method", "route"}),
		sourceLimited: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ostiary_http_connections_refused_total",
			Help: "Connections closed because their source held its limit of connections.",
		}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.sourceLimited} {
		if err := registry.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics: %w", err)
		}
	}
	return m, nil
}

// routeMetrics are the series of one route, looked up once.
type routeMetrics struct {
	all      *metrics
	labels   [3]string
	duration prometheus.Observer
	ok       prometheus.Counter // 200, by far the most frequent
}

func (m *metrics) forRoute(api, method, route string) *routeMetrics {
	return &routeMetrics{
		all: m, labels: [3]string{api, method, route},
		duration: m.duration.WithLabelValues(api, method, route),
		ok:       m.requests.WithLabelValues(api, method, route, "200"),
	}
}

func (m *routeMetrics) observe(status int, took time.Duration) {
	m.duration.Observe(took.Seconds())
	if status == http.StatusOK {
		m.ok.Inc()
		return
	}
	m.all.requests.WithLabelValues(m.labels[0], m.labels[1], m.labels[2], strconv.Itoa(status)).Inc()
}

func (m *metrics) unmatched(status int) {
	m.requests.WithLabelValues("none", "any", "unmatched", strconv.Itoa(status)).Inc()
}

func (m *metrics) broken(status int) {
	m.requests.WithLabelValues("none", "any", "broken", strconv.Itoa(status)).Inc()
}
