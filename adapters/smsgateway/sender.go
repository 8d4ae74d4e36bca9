// Package smsgateway sends SMS through the HTTP interface of a gateway.
//
// The request that a gateway expects is configured with placeholders, so that common gateways need no code:
//
//	{{.To}}      the number in E.164 form, such as +420123456789
//	{{.Text}}    the message
//	{{.ID}}      the message's id, the same for each attempt, for gateways that drop duplicates
//	{{.Secret}}  the configured secret
//	{{json .Text}} and {{query .Text}} quote for JSON and for URLs and forms
//
// A status of the configured list means that the gateway has accepted the message. 400, 404, 410 and 422 mean that it
// never will, and are domain.ErrUndeliverable. Every other response is retried, also refused credentials, which the
// operator can fix. Redirects are not followed: the secret is only for the configured host.
package smsgateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// maxAnswer is the maximum number of bytes read from a response.
const maxAnswer = 64 << 10

// Config is the request. URL, the values of Headers and Body are templates (see the package documentation).
type Config struct {
	URL           string // https; http to this machine only
	Method        string
	Headers       map[string]string
	Body          string
	Secret        string
	SuccessStatus []int
	Timeout       time.Duration
}

// Sender implements ports.Sender for SMS. It is safe for concurrent use.
type Sender struct {
	cfg    Config
	client *http.Client
}

// New returns a sender, or an error that names the template that does not parse, without quoting it. It makes no
// connection.
func New(cfg Config) (*Sender, error) {
	for what, text := range cfg.templates() {
		if err := check(what, text); err != nil {
			return nil, err
		}
	}
	s := &Sender{cfg: cfg, client: &http.Client{
		Timeout:       cfg.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	// What only fails when it is used, such as an address without a host, is better known now.
	_, err := s.request(context.Background(), message{
		"To": "+420123456789", "Text": "123456 is a code", "ID": "msg_1",
		"Secret": cfg.Secret,
	})
	return s, err
}

// templates are the templates by their names in error messages.
func (c *Config) templates() map[string]string {
	texts := map[string]string{"url": c.URL, "body": c.Body}
	for name, value := range c.Headers {
		texts["header "+name] = value
	}
	return texts
}

// Channel returns domain.ChannelSMS.
func (s *Sender) Channel() domain.Channel { return domain.ChannelSMS }

// Send requests the gateway to send the message. Errors contain the gateway's status and neither the number nor the
// secret.
func (s *Sender) Send(ctx context.Context, text domain.EmailMessage) error {
	request, err := s.request(ctx, message{
		"To": text.To, "Text": text.Text, "ID": string(text.ID), "Secret": s.cfg.Secret,
	})
	if err != nil {
		return err
	}
	answer, err := s.client.Do(request)
	if err != nil {
		if at, ok := errors.AsType[*url.Error](err); ok {
			err = at.Err // without the URL, which may hold the number, the text and the secret
		}
		return fmt.Errorf("the SMS gateway: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer) // so that the connection can be used again
	return s.judge(answer.StatusCode)
}

func (s *Sender) judge(status int) error {
	if slices.Contains(s.cfg.SuccessStatus, status) {
		return nil
	}
	err := fmt.Errorf("the SMS gateway answered %d", status)
	switch status {
	case http.StatusBadRequest, http.StatusNotFound, http.StatusGone, http.StatusUnprocessableEntity:
		return domain.ErrUndeliverable.Because(err)
	}
	return err
}

func (s *Sender) request(ctx context.Context, m message) (*http.Request, error) {
	target, err := url.Parse(m.fill(s.cfg.URL))
	if err != nil || target.Host == "" || !isSafe(target) {
		return nil, errors.New("the url of the SMS gateway is no https address; http is for this machine only")
	}
	request, err := http.NewRequestWithContext(ctx, s.cfg.Method, target.String(), strings.NewReader(m.fill(s.cfg.Body)))
	if err != nil {
		return nil, errors.New("the method of the SMS gateway is none")
	}
	for name, value := range s.cfg.Headers {
		request.Header.Set(name, m.fill(value))
	}
	return request, nil
}

func isSafe(target *url.URL) bool {
	return target.Scheme == "https" || target.Scheme == "http" && domain.IsLoopbackHost(target.Hostname())
}
