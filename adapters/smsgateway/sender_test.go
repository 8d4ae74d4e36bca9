package smsgateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/smsgateway"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.Sender = (*smsgateway.Sender)(nil)

const number = "+420123456789"

func text() domain.EmailMessage {
	return domain.EmailMessage{ID: "msg_1", To: number, Text: `123456 is "your" code & nobody else's`}
}

// gateway is a real HTTP server that answers status and keeps the last request.
type gateway struct {
	*httptest.Server
	status   atomic.Int64
	requests atomic.Int64
	last     atomic.Pointer[request]
}

type request struct {
	Method, Path, Query, Body string
	Header                    http.Header
}

func startGateway(t *testing.T, status int) *gateway {
	t.Helper()
	g := &gateway{}
	g.status.Store(int64(status))
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		g.requests.Add(1)
		g.last.Store(&request{
			Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Body: string(body),
			Header: r.Header,
		})
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(int(g.status.Load()))
		_, _ = io.WriteString(w, "about "+number)
	}))
	t.Cleanup(g.Close)
	return g
}

func newSender(t *testing.T, cfg smsgateway.Config) *smsgateway.Sender {
	t.Helper()
	if cfg.Method == "" {
		cfg.Method = http.MethodPost
	}
	if cfg.SuccessStatus == nil {
		cfg.SuccessStatus = []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent}
	}
	sender, err := smsgateway.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func TestAGatewayOfJSONAndABearerTokenFits(t *testing.T) {
	t.Parallel()
	g := startGateway(t, http.StatusAccepted)
	sender := newSender(t, smsgateway.Config{
		URL: g.URL + "/v1/messages", Secret: "s3cret",
		Headers: map[string]string{
			"Authorization": "Bearer {{.Secret}}", "Content-Type": "application/json",
			"Idempotency-Key": "{{.ID}}",
		},
		Body: `{"to":[{{json .To}}],"text":{{json .Text}}}`,
	})
	if err := sender.Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	got := g.last.Load()
	var body struct {
		To   []string `json:"to"`
		Text string   `json:"text"`
	}
	if err := json.Unmarshal([]byte(got.Body), &body); err != nil || body.Text != text().Text ||
		!cmp.Equal(body.To, []string{number}) {
		t.Errorf("the body is %s (%v)", got.Body, err)
	}
	headers := []string{got.Header.Get("Authorization"), got.Header.Get("Content-Type"), got.Header.Get("Idempotency-Key")}
	if diff := cmp.Diff([]string{"Bearer s3cret", "application/json", "msg_1"}, headers); diff != "" {
		t.Errorf("the headers (-want +got):\n%s", diff)
	}
	if got.Method != http.MethodPost || got.Path != "/v1/messages" {
		t.Errorf("the request is %s %s", got.Method, got.Path)
	}
}

func TestAGatewayOfAFormAndBasicAuthenticationFits(t *testing.T) {
	t.Parallel()
	g := startGateway(t, http.StatusCreated)
	sender := newSender(t, smsgateway.Config{
		URL: g.URL + "/2010-04-01/Accounts/AC1/Messages.json",
		Headers: map[string]string{
			"Authorization": "Basic QUMxOnRva2Vu",
			"Content-Type":  "application/x-www-form-urlencoded",
		},
		Body: "To={{query .To}}&From=%2B15005550006&Body={{query .Text}}",
	})
	if err := sender.Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	form, err := url.ParseQuery(g.last.Load().Body)
	want := url.Values{"To": {number}, "Body": {text().Text}, "From": {"+15005550006"}}
	if diff := cmp.Diff(want, form); err != nil || diff != "" {
		t.Errorf("the form, error %v (-want +got):\n%s", err, diff)
	}
}

func TestAGatewayThatTakesAllInTheAddressFits(t *testing.T) {
	t.Parallel()
	g := startGateway(t, http.StatusOK)
	sender := newSender(t, smsgateway.Config{
		URL: g.URL + "/send?user=u&key={{query .Secret}}&to={{query .To}}&msg={{query .Text}}", Method: http.MethodGet,
		Secret: "a&b",
	})
	if err := sender.Send(t.Context(), text()); err != nil {
		t.Fatal(err)
	}
	query, err := url.ParseQuery(g.last.Load().Query)
	want := url.Values{"to": {number}, "msg": {text().Text}, "key": {"a&b"}, "user": {"u"}}
	if diff := cmp.Diff(want, query); err != nil || diff != "" {
		t.Errorf("the query, error %v (-want +got):\n%s", err, diff)
	}
}

func TestStatusDecidesOnRetries(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]struct{ sent, undeliverable bool }{
		200: {true, false}, 201: {true, false}, 202: {true, false}, 204: {true, false},
		203: {false, false}, 301: {false, false}, 307: {false, false},
		400: {false, true}, 404: {false, true}, 410: {false, true}, 422: {false, true},
		401: {false, false}, 403: {false, false}, 408: {false, false}, 429: {false, false}, 500: {false, false},
		503: {false, false},
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, status)
			err := newSender(t, smsgateway.Config{URL: g.URL + "/?s={{query .Secret}}", Secret: "s3cret"}).Send(t.Context(),
				text())
			if (err == nil) != want.sent || errors.Is(err, domain.ErrUndeliverable) != want.undeliverable {
				t.Errorf("Send = %v, want sent %v, undeliverable %v", err, want.sent, want.undeliverable)
			}
			if err != nil && (strings.Contains(err.Error(), number) || strings.Contains(err.Error(), "s3cret")) {
				t.Errorf("the error reveals too much: %v", err)
			}
			if n := g.requests.Load(); n != 1 {
				t.Errorf("%d requests were made, want 1", n)
			}
		})
	}
}

func TestOutagesTellNothingSecret(t *testing.T) {
	t.Parallel()
	g := startGateway(t, http.StatusOK)
	sender := newSender(t, smsgateway.Config{URL: g.URL + "/?to={{query .To}}&s={{query .Secret}}", Secret: "s3cret"})
	g.Close()
	err := sender.Send(t.Context(), text())
	if err == nil || errors.Is(err, domain.ErrUndeliverable) {
		t.Fatalf("Send = %v, want an error to try again", err)
	}
	if strings.Contains(err.Error(), "420123") || strings.Contains(err.Error(), "s3cret") {
		t.Errorf("the error reveals too much: %v", err)
	}
}

func TestSendGivesUpOnASilentGateway(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	g := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(asked)
		<-r.Context().Done()
	}))
	t.Cleanup(g.Close)
	sender := newSender(t, smsgateway.Config{URL: g.URL, Timeout: time.Hour})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-asked
		cancel()
	}()
	if err := sender.Send(ctx, text()); err == nil || errors.Is(err, domain.ErrUndeliverable) {
		t.Errorf("Send = %v, want an error to try again", err)
	}
}

func TestHeadersCannotBeForged(t *testing.T) {
	t.Parallel()
	g := startGateway(t, http.StatusOK)
	sender := newSender(t, smsgateway.Config{URL: g.URL, Headers: map[string]string{"X-Text": "{{.Text}}"}})
	l := text()
	l.Text = "code\r\nX-Evil: 1"
	if err := sender.Send(t.Context(), l); err == nil {
		t.Errorf("a header with a line break was sent: %v", g.last.Load().Header)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]smsgateway.Config{
		"plain HTTP to another machine":  {URL: "http://gateway.example.com/"},
		"an address that is none":        {URL: "gateway.example.com"},
		"another scheme":                 {URL: "file:///etc/passwd"},
		"nothing":                        {},
		"a template that does not parse": {URL: "https://gateway.example.com/", Body: "secret-value {{.To"},
		"a function that there is not":   {URL: "https://gateway.example.com/", Body: "secret-value {{exec .To}}"},
		"a value that there is not":      {URL: "https://gateway.example.com/", Body: "secret-value {{.Number}}"},
		"a header's template that is none": {
			URL:     "https://gateway.example.com/",
			Headers: map[string]string{"A": "secret-value {{"},
		},
		"a method that is none":                {URL: "https://gateway.example.com/", Method: "PO ST"},
		"a host that the message would decide": {URL: "http://{{.Text}}/"},
	} {
		_, err := smsgateway.New(cfg)
		if err == nil {
			t.Errorf("New took %s", name)
		}
		if err != nil && strings.Contains(err.Error(), "secret-value") {
			t.Errorf("%s: the error quotes the template: %v", name, err)
		}
	}
}
