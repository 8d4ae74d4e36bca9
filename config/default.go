package config

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode"
)

const day = 24 * time.Hour

// Default returns the configuration of an installation without any settings. Each value is safe.
func Default() Config {
	return Config{
		HTTP: HTTP{
			Address: "127.0.0.1:8080", PublicURL: "http://localhost:8080", MaxConnectionsPerSource: 2048, ShutdownTimeout: 20 * time.Second,
		},
		DataDir:   "./ostiary-data",
		Storage:   Storage{Driver: StorageSQLite, MongoDB: MongoDB{Database: "ostiary"}},
		Bootstrap: Bootstrap{Role: "admin"},
		RateLimits: RateLimits{
			Login: Rate{5, time.Minute}, LoginCounts: CountAll, PasswordReset: Rate{3, time.Hour}, PasswordResetSource: Rate{20, time.Hour},
			APIKeys: Rate{10, day},
		},
		Mail: Mail{Driver: DriverLog, SMTP: SMTP{TLS: TLSStart, Timeout: 10 * time.Second}},
		SMS: SMS{Driver: DriverLog, HTTP: SMSHTTP{
			Method: http.MethodPost, Timeout: 10 * time.Second,
			SuccessStatus: []int{http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent},
		}},
		Directories:   []Directory{{ID: "local", Type: TypeBuiltin}},
		DirectorySync: DirectorySync{CheckInterval: 5 * time.Minute, MaxDisablePercent: 5},
		SSO:           SSO{CheckInterval: 10 * time.Minute},
		UsersAPI:      UsersAPI{Enabled: true, ListMaxLevel: -1, TPTLifetime: 365 * day, Timezone: "UTC"},
		Tokens:        Tokens{Algorithm: "EdDSA", AccessTokenLifetime: time.Hour, Audience: "ostiary"},
		Passwords: Passwords{
			Argon2:        Argon2{MemoryKiB: 19 * 1024, Iterations: 2, Parallelism: 1},
			QueueDeadline: 10 * time.Second,
			QueueLength:   1000,
		},
		APIKeys: APIKeys{MaxLifetimeDays: 366},
		Audit:   Audit{SealInterval: time.Second},
		Metrics: Metrics{Address: "127.0.0.1:9090"},
		Docs:    Docs{Enabled: true},
		Log:     Log{Level: "info", Format: LogAuto},
	}
}

// MetricsAddress returns the address of the metrics listener; empty if it is off.
func (c Config) MetricsAddress() string {
	if c.Metrics.Address == Off {
		return ""
	}
	return c.Metrics.Address
}

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
