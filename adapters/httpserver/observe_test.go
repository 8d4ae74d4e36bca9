package httpserver_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"

	victoria "github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/fault"
)

type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) Sync() error { return nil }

func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

func TestLogContainsNoSecrets(t *testing.T) {
	t.Parallel()
	var log buffer
	logger := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), &log, zap.DebugLevel))
	address, _ := start(t, httpserver.Config{Log: logger}, testAPI(
		post("/users/{user_id}/x", httpserver.SignedIn(), ok),
		get("/broken", httpserver.Public(), func(*httpserver.Request) error { return errors.New("the cause") }),
		get("/refused", httpserver.Public(),
			func(*httpserver.Request) error { return fault.ErrForbidden.Because(errors.New("why")) }),
	))
	call(t, http.MethodPost, address, prefix+"/users/usr_1/x?token=canary1", `{"password":"canary2"}`,
		"Authorization: Bearer good", "X-Other: canary3")
	call(t, http.MethodPost, address, prefix+"/users/usr_1/x", `{"password":"canary4"}`, "Authorization: Bearer canary5",
		"X-Api-Key: canary6")
	call(t, http.MethodGet, address, "/canary7/%0a%1b[31m", "", "X-Request-ID: req-1")
	call(t, http.MethodGet, address, prefix+"/broken", "")
	call(t, http.MethodGet, address, prefix+"/refused", "")
	got := log.text()
	if strings.Contains(got, "canary") {
		t.Errorf("a secret was logged: %s", got)
	}
	for _, want := range []string{
		`"route":"/api/v1/security/users/{user_id}/x"`, `"actor":"usr_1"`, `"request_id":"req-1"`, `"level":"error"`,
		`"cause":"the cause"`,
		`"cause":"why"`, `"client":"127.0.0.1"`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %s: %s", want, got)
		}
	}
}

func TestMetricsHaveTheirOwnListener(t *testing.T) {
	t.Parallel()
	address, server := start(t, httpserver.Config{MetricsAddress: "127.0.0.1:0"},
		testAPI(get("/users/{user_id}", httpserver.Public(), ok)))
	for _, id := range []string{"usr_1", "usr_2"} {
		call(t, http.MethodGet, address, prefix+"/users/"+id, "")
	}
	call(t, http.MethodGet, address, "/nowhere", "")
	wantFailure(t, call(t, http.MethodGet, address, "/metrics", ""), http.StatusNotFound, "not_found")
	a := call(t, http.MethodGet, server.MetricsAddr().String(), "/metrics", "")
	for _, want := range []string{
		`ostiary_http_requests_total{api="security",method="GET",route="/api/v1/security/users/{user_id}",status="200"} 2`,
		`ostiary_http_requests_total{api="none",method="any",route="unmatched",status="404"} 2`,
		`ostiary_http_request_duration_seconds_count{api="security",method="GET",route="/api/v1/security/users/{user_id}"} 2`,
	} {
		if !strings.Contains(a.Raw, want) {
			t.Errorf("the metrics lack %s", want)
		}
	}
	if strings.Contains(a.Raw, "usr_1") {
		t.Error("the metrics name a user")
	}
}

func TestPrometheusCanParseTheMetrics(t *testing.T) {
	t.Parallel()
	set := victoria.NewSet()
	set.RegisterMetricsWriter(victoria.WriteGoMetrics)
	set.RegisterMetricsWriter(victoria.WriteProcMetrics)
	set.RegisterMetricsWriter(victoria.WriteFDMetrics)
	address, server := start(t, httpserver.Config{MetricsAddress: "127.0.0.1:0", Metrics: set},
		testAPI(get("/users/{user_id}", httpserver.Public(), ok)))
	call(t, http.MethodGet, address, prefix+"/users/usr_1", "")
	a := call(t, http.MethodGet, server.MetricsAddr().String(), "/metrics", "")
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(a.Raw))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"ostiary_http_requests_total": "COUNTER", "ostiary_http_request_duration_seconds": "HISTOGRAM",
		"ostiary_http_connections_refused_total": "COUNTER", "process_resident_memory_bytes": "GAUGE",
		"process_cpu_seconds_total": "COUNTER", "process_open_fds": "GAUGE", "go_goroutines": "GAUGE",
		"go_memstats_heap_inuse_bytes": "GAUGE",
	} {
		if got := families[name].GetType().String(); families[name] == nil || got != want {
			t.Errorf("%s is of the type %s, want %s", name, got, want)
		}
		if families[name].GetHelp() == "" && strings.HasPrefix(name, "ostiary_") {
			t.Errorf("%s has no description", name)
		}
	}
	bounds := families["ostiary_http_request_duration_seconds"].GetMetric()[0].GetHistogram().GetBucket()
	if len(bounds) != 15 || bounds[0].GetUpperBound() != 0.0002 {
		t.Errorf("the histogram has the buckets %v", bounds)
	}
}

func TestHealth(t *testing.T) {
	t.Parallel()
	var down error
	address, _ := start(t, httpserver.Config{Ready: func(context.Context) error { return down }})
	for path, want := range map[string]string{"/healthz": `{"status":"ok"}`, "/readyz": `{"status":"ready"}`} {
		if a := call(t, http.MethodGet, address, path, ""); a.Status != http.StatusOK || a.Raw != want {
			t.Errorf("%s: %d %s", path, a.Status, a.Raw)
		}
	}
	down = errors.New("disk full at /var/lib")
	a := call(t, http.MethodGet, address, "/readyz", "")
	wantFailure(t, a, http.StatusServiceUnavailable, "storage_unavailable")
	if strings.Contains(a.Raw, "disk") {
		t.Error(a.Raw)
	}
	if a := call(t, http.MethodGet, address, "/healthz", ""); a.Status != http.StatusOK {
		t.Errorf("healthz: %d", a.Status)
	}
}
