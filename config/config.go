package config

import (
	"net/netip"
	"time"
)

// Config is the whole configuration. config/ostiary.example.yaml describes the keys.
type Config struct {
	HTTP             HTTP          `koanf:"http"`
	DataDir          string        `koanf:"data_dir"`
	Storage          Storage       `koanf:"storage"`
	Keyring          Keyring       `koanf:"keyring"`
	Bootstrap        Bootstrap     `koanf:"bootstrap"`
	RateLimits       RateLimits    `koanf:"rate_limits"`
	Mail             Mail          `koanf:"mail"`
	SMS              SMS           `koanf:"sms"`
	Directories      []Directory   `koanf:"directories"`
	DefaultDirectory string        `koanf:"default_directory"`
	DirectorySync    DirectorySync `koanf:"directory_sync"`
	SSO              SSO           `koanf:"sso"`
	UsersAPI         UsersAPI      `koanf:"users_api"`
	Tokens           Tokens        `koanf:"tokens"`
	TOTP             TOTP          `koanf:"totp"`
	Passwords        Passwords     `koanf:"passwords"`
	APIKeys          APIKeys       `koanf:"api_keys"`
	Audit            Audit         `koanf:"audit"`
	GeoIP            GeoIP         `koanf:"geoip"`
	Metrics          Metrics       `koanf:"metrics"`
	Docs             Docs          `koanf:"docs"`
	Log              Log           `koanf:"log"`
}

// HTTP configures the public listener.
type HTTP struct {
	Address        string         `koanf:"address"`
	PublicURL      string         `koanf:"public_url"` // scheme, host and port under which clients reach the service
	TLS            TLS            `koanf:"tls"`
	AllowPlain     bool           `koanf:"allow_plain"`
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies"`
	CORSOrigins    []string       `koanf:"cors_origins"` // of web pages that may call the Security API
	// MaxConnectionsPerSource limits the connections of one IPv4 address or IPv6 /64; zero means no limit.
	MaxConnectionsPerSource int           `koanf:"max_connections_per_source"`
	ShutdownTimeout         time.Duration `koanf:"shutdown_timeout"`
}

// TLS names the files of the listener's own certificate. Both or none are set.
type TLS struct {
	CertificateFile string `koanf:"certificate_file"`
	PrivateKeyFile  string `koanf:"private_key_file"`
}

// Enabled reports whether the listener itself uses TLS.
func (t TLS) Enabled() bool { return t.CertificateFile != "" || t.PrivateKeyFile != "" }

// The storage drivers.
const (
	StorageSQLite  = "sqlite"
	StorageMongoDB = "mongodb"
)

// Storage configures the store.
type Storage struct {
	Driver  string  `koanf:"driver"`
	MongoDB MongoDB `koanf:"mongodb"`
}

// MongoDB is the database of the mongodb driver.
type MongoDB struct {
	URI      Secret `koanf:"uri"` // a secret, since it may contain a password
	Database string `koanf:"database"`
	// StrictVerify confirms for each verify request with a round trip that the primary still is one.
	StrictVerify bool `koanf:"strict_verify"`
}

// Keyring is the key-encryption key: 32 bytes in base64 or hexadecimal. Earlier keys may follow, one per line. If it
// is empty, the sqlite driver generates its own.
type Keyring struct {
	Key Secret `koanf:"key"`
}

// Bootstrap is the first administrator, who is created while there is no user.
type Bootstrap struct {
	Username string `koanf:"username"`
	Email    string `koanf:"email"`
	Password Secret `koanf:"password"`
	Role     string `koanf:"role"`
}

// RateLimits limit the requests of one address.
type RateLimits struct {
	Login Rate `koanf:"login"`
	// LoginCounts selects which sign-ins count: all, or failures.
	LoginCounts         string `koanf:"login_counts"`
	PasswordReset       Rate   `koanf:"password_reset"`
	PasswordResetSource Rate   `koanf:"password_reset_source"`
	APIKeys             Rate   `koanf:"api_keys"`
	// Exempt lists the networks that are exempt from the limits on one network's sign-ins and reset requests.
	Exempt []netip.Prefix `koanf:"exempt"`
}

// APIKeys configures the API keys.
type APIKeys struct {
	// MaxLifetimeDays is the lifetime of a key that is created without an end.
	MaxLifetimeDays int `koanf:"max_lifetime_days"`
}

// What rate_limits.login counts.
const (
	CountAll      = "all"
	CountFailures = "failures"
)

// The drivers of email and SMS.
const (
	DriverLog  = "log"
	DriverSMTP = "smtp"
	DriverHTTP = "http"
)

// Mail configures the delivery of email.
type Mail struct {
	Driver string `koanf:"driver"`
	SMTP   SMTP   `koanf:"smtp"`
}

// The ways to encrypt a connection to a mail server.
const (
	TLSStart = "starttls"
	TLSFull  = "tls"
	TLSNone  = "none"
)

// SMTP is the mail server.
type SMTP struct {
	Address  string        `koanf:"address"`
	Username string        `koanf:"username"`
	Password Secret        `koanf:"password"`
	From     string        `koanf:"from"`
	TLS      string        `koanf:"tls"`
	CAFile   string        `koanf:"ca_file"`
	Hello    string        `koanf:"hello"` // the name in EHLO; empty: the host of http.public_url
	Timeout  time.Duration `koanf:"timeout"`
}

// SMS configures the delivery of text messages.
type SMS struct {
	Driver string  `koanf:"driver"`
	HTTP   SMSHTTP `koanf:"http"`
}

// SMSHTTP is a request to a gateway. URL, header values and Body are Go templates over To, Text, ID and Secret.
type SMSHTTP struct {
	URL           string            `koanf:"url"`
	Method        string            `koanf:"method"`
	Headers       map[string]Secret `koanf:"headers"`
	Body          string            `koanf:"body"`
	Secret        Secret            `koanf:"secret"`
	SuccessStatus []int             `koanf:"success_status"`
	Timeout       time.Duration     `koanf:"timeout"`
}

// DirectorySync limits background jobs on external directories.
type DirectorySync struct {
	CheckInterval     time.Duration `koanf:"check_interval"`
	RunInterval       time.Duration `koanf:"run_interval"`
	MaxDisablePercent int           `koanf:"max_disable_percent"`
}

// SSO lists where sign-in through a browser and logout may end, and how often the providers' sessions are checked.
type SSO struct {
	RedirectURIs           []string      `koanf:"redirect_uris"`
	PostLogoutRedirectURIs []string      `koanf:"post_logout_redirect_uris"`
	CheckInterval          time.Duration `koanf:"check_interval"`
}

// UsersAPI is the second API, under /api/users.
type UsersAPI struct {
	Enabled       bool          `koanf:"enabled"`
	SelfSignup    bool          `koanf:"self_signup"`
	AllowOwnReset bool          `koanf:"allow_own_reset"`
	ListMaxLevel  int           `koanf:"list_max_level"`
	TPTSecret     Secret        `koanf:"tpt_secret"`
	TPTLifetime   time.Duration `koanf:"tpt_lifetime"`
	CORSOrigins   []string      `koanf:"cors_origins"`
	Timezone      string        `koanf:"timezone"`
}

// Tokens configures access tokens.
type Tokens struct {
	Algorithm           string        `koanf:"algorithm"`
	AccessTokenLifetime time.Duration `koanf:"access_token_lifetime"`
	Issuer              string        `koanf:"issuer"`
	Audience            string        `koanf:"audience"`
}

// TOTP configures the name of this installation in authenticator apps.
type TOTP struct {
	Issuer string `koanf:"issuer"` // empty: the host of http.public_url
}

// Passwords configures the cost of password hashes.
type Passwords struct {
	Argon2        Argon2        `koanf:"argon2"`
	QueueDeadline time.Duration `koanf:"queue_deadline"`
	QueueLength   int           `koanf:"queue_length"`
}

// Argon2 are the parameters of Argon2id (RFC 9106).
type Argon2 struct {
	MemoryKiB   int `koanf:"memory_kib"`
	Iterations  int `koanf:"iterations"`
	Parallelism int `koanf:"parallelism"`
}

// Audit configures the sealing of the audit log.
type Audit struct {
	SealInterval time.Duration `koanf:"seal_interval"`
	Checkpoint   Checkpoint    `koanf:"checkpoint"`
}

// Checkpoint configures where signed checkpoints are written outside the store, and whether the entries that they
// seal are written too.
type Checkpoint struct {
	File    string `koanf:"file"`
	Stdout  bool   `koanf:"stdout"`
	Entries bool   `koanf:"entries"`
}

// GeoIP is the database that maps addresses to locations.
type GeoIP struct {
	Database string `koanf:"database"`
}

// Metrics is the listener for Prometheus.
type Metrics struct {
	Address string `koanf:"address"`
}

// Docs configures the API documentation at /docs.
type Docs struct {
	Enabled bool `koanf:"enabled"`
}

// The log formats.
const (
	LogAuto    = "auto"
	LogConsole = "console"
	LogJSON    = "json"
)

// Log configures the log level and format.
type Log struct {
	Level  string `koanf:"level"`
	Format string `koanf:"format"`
}

// Off is the value that disables an address or a rate.
const Off = "off"
