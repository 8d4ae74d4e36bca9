package oidcdir

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"syscall"
	"time"
)

const (
	// maxAnswer limits every response body of a provider.
	maxAnswer     = 1 << 20
	maxHeader     = 64 << 10
	dialTimeout   = 3 * time.Second
	idleTimeout   = time.Minute
	idlePerHost   = 4
	userAgentName = "ostiary"
)

var (
	errTooLarge = errors.New("the answer is larger than 1 MiB")
	errRedirect = errors.New("the answer is a redirect, and none is followed")
)

// newClient returns a client that enforces the limits of this package: timeout, size, no redirects, https, and
// addresses.
func newClient(s Settings, roots *x509.CertPool) (*http.Client, error) {
	dialer := &net.Dialer{Timeout: dialTimeout}
	transport := &http.Transport{
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots},
		TLSHandshakeTimeout:    dialTimeout,
		ResponseHeaderTimeout:  s.Timeout,
		MaxResponseHeaderBytes: maxHeader,
		MaxIdleConnsPerHost:    idlePerHost,
		IdleConnTimeout:        idleTimeout,
		ForceAttemptHTTP2:      true,
		// A compressed answer could be small on the wire and large in memory.
		DisableCompression: true,
		DialContext:        dialer.DialContext,
	}
	rule := addressRule{private: s.AllowPrivateAddresses, loopback: s.AllowPrivateAddresses || s.AllowHTTPLoopback}
	if s.ProxyURL == "" {
		// The check runs after name resolution, so that it also applies to a name of a private address.
		dialer.Control = rule.control
	} else {
		proxy, err := url.Parse(s.ProxyURL)
		if err != nil {
			return nil, fmt.Errorf("reading the proxy's URL: %w", err)
		}
		transport.Proxy = http.ProxyURL(proxy)
	}
	return &http.Client{
		Timeout:       s.Timeout,
		Transport:     &limitedTransport{Transport: transport, rule: rule, httpLoopback: s.AllowHTTPLoopback},
		CheckRedirect: func(*http.Request, []*http.Request) error { return errRedirect },
	}, nil
}

// limitedTransport refuses unsafe addresses before a request and long bodies after it.
type limitedTransport struct {
	*http.Transport

	rule         addressRule
	httpLoopback bool
}

// RoundTrip implements http.RoundTripper.
func (t *limitedTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := checkURL(req.URL.String(), t.httpLoopback); err != nil {
		return nil, fmt.Errorf("the address %s %w", req.URL.Host, err)
	}
	// With a proxy no name is resolved here, but an address in the URL can still be checked.
	if address, err := netip.ParseAddr(req.URL.Hostname()); err == nil {
		if err := t.rule.check(address); err != nil {
			return nil, err
		}
	}
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgentName)
	resp, err := t.Transport.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if resp.ContentLength > maxAnswer {
		_ = resp.Body.Close()
		return nil, errTooLarge
	}
	resp.Body = &limitedBody{body: resp.Body, left: maxAnswer}
	return resp, nil
}

// limitedBody returns an error after so many bytes instead of EOF: a truncated response must not pass for a complete
// one.
type limitedBody struct {
	body io.ReadCloser
	left int
}

// Read implements io.Reader.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, errTooLarge
	}
	if len(p) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.body.Read(p)
	b.left -= n
	if b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// Close implements io.Closer.
func (b *limitedBody) Close() error { return b.body.Close() }

// addressRule decides which addresses may be reached.
type addressRule struct{ private, loopback bool }

// neverPublic lists ranges in addition to those of package netip through which an internal address can be reached.
var neverPublic = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"),
	netip.MustParsePrefix("100.64.0.0/10"), // carrier-grade NAT (RFC 6598)
	netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("198.18.0.0/15"),
	netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("64:ff9b::/96"), // NAT64
	netip.MustParsePrefix("64:ff9b:1::/48"),
	netip.MustParsePrefix("2001::/32"), // Teredo
	netip.MustParsePrefix("2002::/16"), // 6to4
	netip.MustParsePrefix("fec0::/10"),
}

func (r addressRule) control(_, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("reading the address to connect to: %w", err)
	}
	return r.check(at.Addr())
}

func (r addressRule) check(address netip.Addr) error {
	address = address.Unmap().WithZone("")
	switch {
	case address.IsLoopback():
		return r.verdict(address, r.loopback)
	case address.IsUnspecified(), address.IsMulticast(), address.IsLinkLocalUnicast():
		// Link-local is where clouds serve their machines' credentials; no provider uses it.
		return r.verdict(address, false)
	case address.IsPrivate():
		return r.verdict(address, r.private)
	}
	for _, prefix := range neverPublic {
		if prefix.Contains(address) {
			return r.verdict(address, r.private)
		}
	}
	return nil
}

func (r addressRule) verdict(address netip.Addr, allowed bool) error {
	if allowed {
		return nil
	}
	return fmt.Errorf("the address %s is private; allow_private_addresses lets the provider have one", address)
}

// reply is a complete response of the provider.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// get sends a GET request.
func get(ctx context.Context, client *http.Client, address, accept, bearer string) (reply, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return reply{}, fmt.Errorf("making the request: %w", err)
	}
	req.Header.Set("Accept", accept)
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return reply{}, fmt.Errorf("reading the answer: %w", err)
	}
	return reply{status: resp.StatusCode, header: resp.Header, body: body}, nil
}
