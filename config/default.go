package config

import (
	"net/http"
	"time"
)

const day = 24 * time.Hour

// Default returns the configuration of an installation that says nothing. Each value is safe as it stands.
func Default() Config {
	return Config{
		HTTP: HTTP{
			Address: "127.0.0.1:8080", PublicURL: "http://localhost:8080", ShutdownTimeout: 20 * time.Second,
		},
		DataDir:    "./ostiary-data",
		Storage:    Storage{Driver: StorageSQLite, MongoDB: MongoDB{Database: "ostiary"}},
		Bootstrap:  Bootstrap{Role: "admin"},
		RateLimits: RateLimits{Login: Rate{5, time.Minute}, PasswordReset: Rate{3, time.Hour}, APIKeys: Rate{10, day}},
		Mail:       Mail{Driver: DriverLog, SMTP: SMTP{TLS: TLSStart, Timeout: 10 * time.Second}},
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
		Audit:   Audit{SealInterval: time.Second},
		Metrics: Metrics{Address: "127.0.0.1:9090"},
		Docs:    Docs{Enabled: true},
		Log:     Log{Level: "info", Format: LogAuto},
	}
}

// MetricsAddress returns where metrics are served; empty when they are not.
func (c Config) MetricsAddress() string {
	if c.Metrics.Address == Off {
		return ""
	}
	return c.Metrics.Address
}

// TokenIssuer returns the issuer of access tokens: its own key, or else the public URL.
func (c Config) TokenIssuer() string {
	if c.Tokens.Issuer != "" {
		return c.Tokens.Issuer
	}
	return c.HTTP.PublicURL
}
