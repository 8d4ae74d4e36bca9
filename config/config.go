package config

import (
	"net/netip"
	"time"
)

// Config is the whole configuration. config/ostiary.example.yaml describes the keys.
type Config struct {
	HTTP             HTTP          `yaml:"http"`
	DataDir          string        `yaml:"data_dir"`
	Storage          Storage       `yaml:"storage"`
	Keyring          Keyring       `yaml:"keyring"`
	Bootstrap        Bootstrap     `yaml:"bootstrap"`
	RateLimits       RateLimits    `yaml:"rate_limits"`
	Mail             Mail          `yaml:"mail"`
	SMS              SMS           `yaml:"sms"`
	Directories      []Directory   `yaml:"directories"`
	DefaultDirectory string        `yaml:"default_directory"`
	DirectorySync    DirectorySync `yaml:"directory_sync"`
	SSO              SSO           `yaml:"sso"`
	UsersAPI         UsersAPI      `yaml:"users_api"`
	Tokens           Tokens        `yaml:"tokens"`
	TOTP             TOTP          `yaml:"totp"`
	Passwords        Passwords     `yaml:"passwords"`
	APIKeys          APIKeys       `yaml:"api_keys"`
	Audit            Audit         `yaml:"audit"`
	GeoIP            GeoIP         `yaml:"geoip"`
	Metrics          Metrics       `yaml:"metrics"`
	Docs             Docs          `yaml:"docs"`
	Log              Log           `yaml:"log"`
}

// HTTP configures the public listener.
type HTTP struct {
	Address        string         `yaml:"address"`
	PublicURL      string         `yaml:"public_url"` // scheme, host and port under which clients reach the service
	TLS            TLS            `yaml:"tls"`
	AllowPlain     bool           `yaml:"allow_plain"`
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies"`
	CORSOrigins    []string       `yaml:"cors_origins"` // of web pages that may call the Security API
	// MaxConnectionsPerSource limits the connections of one IPv4 address or IPv6 /64; zero means no limit.
	MaxConnectionsPerSource int           `yaml:"max_connections_per_source"`
	ShutdownTimeout         time.Duration `yaml:"shutdown_timeout"`
}

// TLS names the files of the listener's own certificate. Both or none are set.
type TLS struct {
	CertificateFile string `yaml:"certificate_file"`
	PrivateKeyFile  string `yaml:"private_key_file"`
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
	Driver  string  `yaml:"driver"`
	MongoDB MongoDB `yaml:"mongodb"`
}

// MongoDB is the database of the mongodb driver.
type MongoDB struct {
	URI      Secret `yaml:"uri"` // a secret, since it may contain a password
	Database string `yaml:"database"`
	// StrictVerify confirms for each verify request with a round trip that the primary still is one.
	StrictVerify bool `yaml:"strict_verify"`
}

// Keyring is the key-encryption key: 32 bytes in base64 or hexadecimal. Earlier keys may follow, one per line. If it
// is empty, the sqlite driver generates its own.
type Keyring struct {
	Key Secret `yaml:"key"`
}

// Bootstrap is the first administrator, who is created while there is no user.
type Bootstrap struct {
	Username string `yaml:"username"`
	Email    string `yaml:"email"`
	Password Secret `yaml:"password"`
	Role     string `yaml:"role"`
}

// RateLimits limit the requests of one address.
type RateLimits struct {
	Login Rate `yaml:"login"`
	// LoginCounts selects which sign-ins count: all, or failures.
	LoginCounts         string `yaml:"login_counts"`
	PasswordReset       Rate   `yaml:"password_reset"`
	PasswordResetSource Rate   `yaml:"password_reset_source"`
	APIKeys             Rate   `yaml:"api_keys"`
	// Exempt lists the networks that are exempt from the limits on one network's sign-ins and reset requests.
	Exempt []netip.Prefix `yaml:"exempt"`
}

// APIKeys configures the API keys.
type APIKeys struct {
	// MaxLifetimeDays is the lifetime of a key that is created without an end.
	MaxLifetimeDays int `yaml:"max_lifetime_days"`
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
	Driver string `yaml:"driver"`
	SMTP   SMTP   `yaml:"smtp"`
}

// The ways to encrypt a connection to a mail server.
const (
	TLSStart = "starttls"
	TLSFull  = "tls"
	TLSNone  = "none"
)

// SMTP is the mail server.
type SMTP struct {
	Address  string        `yaml:"address"`
	Username string        `yaml:"username"`
	Password Secret        `yaml:"password"`
	From     string        `yaml:"from"`
	TLS      string        `yaml:"tls"`
	CAFile   string        `yaml:"ca_file"`
	Hello    string        `yaml:"hello"` // the name in EHLO; empty: the host of http.public_url
	Timeout  time.Duration `yaml:"timeout"`
}

// SMS configures the delivery of text messages.
type SMS struct {
	Driver string  `yaml:"driver"`
	HTTP   SMSHTTP `yaml:"http"`
}

// SMSHTTP is a request to a gateway. URL, header values and Body are Go templates over To, Text, ID and Secret.
type SMSHTTP struct {
	URL           string            `yaml:"url"`
	Method        string            `yaml:"method"`
	Headers       map[string]Secret `yaml:"headers"`
	Body          string            `yaml:"body"`
	Secret        Secret            `yaml:"secret"`
	SuccessStatus []int             `yaml:"success_status"`
	Timeout       time.Duration     `yaml:"timeout"`
}

// DirectorySync limits background jobs on external directories.
type DirectorySync struct {
	CheckInterval     time.Duration `yaml:"check_interval"`
	RunInterval       time.Duration `yaml:"run_interval"`
	MaxDisablePercent int           `yaml:"max_disable_percent"`
	MaxDisableUsers   int           `yaml:"max_disable_users"`
}

// SSO lists where sign-in through a browser and logout may end, and how often the providers' sessions are checked.
type SSO struct {
	RedirectURIs           []string      `yaml:"redirect_uris"`
	PostLogoutRedirectURIs []string      `yaml:"post_logout_redirect_uris"`
	CheckInterval          time.Duration `yaml:"check_interval"`
}

// UsersAPI is the second API, under /api/users.
type UsersAPI struct {
	Enabled       bool          `yaml:"enabled"`
	SelfSignup    bool          `yaml:"self_signup"`
	AllowOwnReset bool          `yaml:"allow_own_reset"`
	ListMaxLevel  int           `yaml:"list_max_level"`
	TPTSecret     Secret        `yaml:"tpt_secret"`
	TPTLifetime   time.Duration `yaml:"tpt_lifetime"`
	CORSOrigins   []string      `yaml:"cors_origins"`
	Timezone      string        `yaml:"timezone"`
}

// Tokens configures access tokens.
type Tokens struct {
	Algorithm           string        `yaml:"algorithm"`
	AccessTokenLifetime time.Duration `yaml:"access_token_lifetime"`
	Issuer              string        `yaml:"issuer"`
	Audience            string        `yaml:"audience"`
}

// TOTP configures the name of this installation in authenticator apps.
type TOTP struct {
	Issuer string `yaml:"issuer"` // empty: the host of http.public_url
}

// Passwords configures the cost of password hashes.
type Passwords struct {
	Argon2        Argon2        `yaml:"argon2"`
	QueueDeadline time.Duration `yaml:"queue_deadline"`
	QueueLength   int           `yaml:"queue_length"`
}

// Argon2 are the parameters of Argon2id (RFC 9106).
type Argon2 struct {
	MemoryKiB   int `yaml:"memory_kib"`
	Iterations  int `yaml:"iterations"`
	Parallelism int `yaml:"parallelism"`
}

// Audit configures the sealing of the audit log.
type Audit struct {
	SealInterval time.Duration `yaml:"seal_interval"`
	Checkpoint   Checkpoint    `yaml:"checkpoint"`
}

// Checkpoint configures where signed checkpoints are written outside the store, and whether the entries that they
// seal are written too.
type Checkpoint struct {
	File    string `yaml:"file"`
	Stdout  bool   `yaml:"stdout"`
	Entries bool   `yaml:"entries"`
}

// GeoIP is the database that maps addresses to locations.
type GeoIP struct {
	Database string `yaml:"database"`
}

// The values of metrics.profile other than off.
const (
	ProfileOn     = "on"
	ProfileRemote = "remote"
)

// Metrics is the listener for Prometheus.
type Metrics struct {
	Address string `yaml:"address"`
	Profile string `yaml:"profile"`
}

// Docs configures the API documentation at /docs.
type Docs struct {
	Enabled bool `yaml:"enabled"`
}

// The log formats.
const (
	LogAuto    = "auto"
	LogConsole = "console"
	LogJSON    = "json"
)

// Log configures the log level and format.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// Off is the value that disables an address or a rate.
const Off = "off"
