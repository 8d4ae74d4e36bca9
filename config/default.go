package config

import (
	_ "embed" // the annotated example
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"time"
	"unicode"
)

const day = 24 * time.Hour

//go:embed ostiary.example.yaml
var example []byte

// Default returns the configuration of an installation without any settings, as the annotated example has it. Each
// value is safe.
func Default() Config {
	var c Config
	l := newLoader(nil)
	tree, _ := l.parseYAML("", example) // tests load it as a file, which reports mistakes
	l.bindStruct("", reflect.ValueOf(&c).Elem(), tree)
	return c
}

// MetricsAddress returns the address of the metrics listener; empty if it is off.
func (c Config) MetricsAddress() string {
	if c.Metrics.Address == Off {
		return ""
	}
	return c.Metrics.Address
}

// Profile reports whether the metrics listener serves profiles.
func (c Config) Profile() bool { return c.Metrics.Profile != Off }

// PublicHost returns the host of the public URL, without its port.
func (c Config) PublicHost() string {
	u, err := url.Parse(c.HTTP.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// MailHello returns the EHLO name: its own key, or else the host of the public URL. An IP address is written as in
// RFC 5321 section 4.1.3.
func (c Config) MailHello() string {
	if c.Mail.SMTP.Hello != "" {
		return c.Mail.SMTP.Hello
	}
	host := c.PublicHost()
	address, err := netip.ParseAddr(host)
	switch {
	case strings.ContainsFunc(host, func(r rune) bool { return r > unicode.MaxASCII }):
		return "" // the machine's name: without SMTPUTF8 there is no other
	case err != nil:
		return host
	case address.Is4():
		return "[" + host + "]"
	default:
		return "[IPv6:" + host + "]"
	}
}

// TOTPIssuer returns the name of this installation in authenticator apps: its own key, or else the host of the public
// URL.
func (c Config) TOTPIssuer() string {
	if c.TOTP.Issuer != "" {
		return c.TOTP.Issuer
	}
	return c.PublicHost()
}

// TokenIssuer returns the issuer of access tokens: its own key, or else the public URL.
func (c Config) TokenIssuer() string {
	if c.Tokens.Issuer != "" {
		return c.Tokens.Issuer
	}
	return c.HTTP.PublicURL
}
