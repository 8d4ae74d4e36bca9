package config

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Validate reports all mistakes at once, as Mistakes; nil means that the service can start. It accesses neither files
// nor the network.
func (c Config) Validate() error { return c.check().err() }

func (c Config) check() Mistakes {
	var m Mistakes
	c.HTTP.check(&m)
	if strings.TrimSpace(c.DataDir) == "" {
		m.add("data_dir", "must name a folder")
	}
	c.checkStorage(&m)
	c.Bootstrap.check(&m)
	c.RateLimits.check(&m)
	c.Mail.check(&m)
	c.SMS.check(&m)
	c.checkDirectories(&m)
	c.DirectorySync.check(&m)
	c.SSO.check(&m)
	c.UsersAPI.check(&m)
	c.Tokens.check(&m)
	c.TOTP.check(&m)
	c.Passwords.check(&m)
	c.checkMetrics(&m)
	number(&m, "api_keys.max_lifetime_days", c.APIKeys.MaxLifetimeDays, 1, 3650)
	between(&m, "audit.seal_interval", c.Audit.SealInterval, 100*time.Millisecond, time.Hour)
	oneOf(&m, "log.level", c.Log.Level, "debug", "info", "warn", "error")
	oneOf(&m, "log.format", c.Log.Format, LogAuto, LogConsole, LogJSON)
	return m
}

func (h HTTP) check(m *Mistakes) {
	loopback, ok := checkAddress(m, "http.address", h.Address)
	checkOrigin(m, "http.public_url", h.PublicURL)
	if h.TLS.Enabled() && (h.TLS.CertificateFile == "" || h.TLS.PrivateKeyFile == "") {
		m.add("http.tls", "needs certificate_file and private_key_file, both or none")
	}
	if ok && !loopback && !h.TLS.Enabled() && len(h.TrustedProxies) == 0 && !h.AllowPlain {
		m.add("http.address", "%s answers other machines without encryption: set http.tls, name the proxy that encrypts in "+
			"http.trusted_proxies, or say http.allow_plain: true where something else sees to it", h.Address)
	}
	for _, p := range h.TrustedProxies {
		if p.Bits() == 0 {
			m.add("http.trusted_proxies", "%s would let every client choose its own address: name the proxies", p)
		}
		checkMasked(m, "http.trusted_proxies", p)
	}
	checkCORSOrigins(m, "http.cors_origins", h.CORSOrigins)
	number(m, "http.max_connections_per_source", h.MaxConnectionsPerSource, 0, 1_000_000)
	between(m, "http.shutdown_timeout", h.ShutdownTimeout, time.Second, 10*time.Minute)
}

func (r RateLimits) check(m *Mistakes) {
	oneOf(m, "rate_limits.login_counts", r.LoginCounts, CountAll, CountFailures)
	for _, p := range r.Exempt {
		if p.Bits() == 0 {
			m.add("rate_limits.exempt", "%s would exempt every client: name the networks, or set the limits to off", p)
		}
		checkMasked(m, "rate_limits.exempt", p)
	}
}

// checkMasked refuses a network with bits beyond its prefix length.
func checkMasked(m *Mistakes, key string, p netip.Prefix) {
	if p != p.Masked() {
		m.add(key, "%s has bits beyond its length: write %s, or %s for the one machine", p, p.Masked(),
			netip.PrefixFrom(p.Addr(), p.Addr().BitLen()))
	}
}

var databaseName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,63}$`)

func (c Config) checkStorage(m *Mistakes) {
	s := c.Storage
	oneOf(m, "storage.driver", s.Driver, StorageSQLite, StorageMongoDB)
	if c.Keyring.Key != "" && !areKeys(c.Keyring.Key.Reveal()) {
		m.add("keyring.key",
			"must be 32 random bytes in base64 or hexadecimal, as `openssl rand -base64 32` prints them; more keys on lines "+
				"of their own")
	}
	if s.Driver != StorageMongoDB {
		return
	}
	uri := s.MongoDB.URI.Reveal()
	if !strings.HasPrefix(uri, "mongodb://") && !strings.HasPrefix(uri, "mongodb+srv://") {
		m.add("storage.mongodb.uri", "must be a mongodb:// or mongodb+srv:// address with this storage.driver")
	}
	s.MongoDB.checkOptions(m)
	if !databaseName.MatchString(s.MongoDB.Database) {
		m.add("storage.mongodb.database", "must be 1 to 63 letters, digits, - and _")
	}
	if c.Keyring.Key == "" {
		m.add("keyring.key",
			"is needed with storage.driver mongodb, the same on every node: set keyring.key_file to a file with "+
				"what `openssl rand -base64 32` prints")
	}
}

const minBootstrapPassword = 12

func (b Bootstrap) check(m *Mistakes) {
	if b.Username == "" && b.Email == "" && b.Password == "" {
		return
	}
	if b.Username == "" || b.Email == "" || b.Password == "" {
		m.add("bootstrap", "needs username, email and password (or password_file), all or none")
		return
	}
	if !strings.Contains(b.Email, "@") {
		m.add("bootstrap.email", "%q is no e-mail address", b.Email)
	}
	if len([]rune(b.Password.Reveal())) < minBootstrapPassword {
		m.add("bootstrap.password", "is shorter than %d characters", minBootstrapPassword)
	}
	if b.Role == "" {
		m.add("bootstrap.role", "must name a role, such as admin")
	}
}

// The id becomes part of keys and variables, so it is plain; "_" and "-" would be the same variable.
var directoryID = regexp.MustCompile(`^[a-z][a-z0-9-]{0,31}$`)

func (c Config) checkDirectories(m *Mistakes) {
	var ids []string
	for i, d := range c.Directories {
		d.check(m, i, ids)
		ids = append(ids, d.ID)
	}
	builtin := func(d Directory) bool { return d.Type == TypeBuiltin }
	first := slices.IndexFunc(c.Directories, builtin)
	if first >= 0 && slices.ContainsFunc(c.Directories[first+1:], builtin) {
		m.add("directories", "has more than one of type %s: there can be one", TypeBuiltin)
	}
	all := strings.Join(ids, ", ")
	switch {
	case len(ids) == 0:
		m.add("directories", "is empty: no user could sign in")
	case c.DefaultDirectory != "" && !slices.Contains(ids, c.DefaultDirectory):
		m.add("default_directory", "%q is none of the directories (%s)", c.DefaultDirectory, all)
	case c.DefaultDirectory == "" && first < 0:
		m.add("default_directory", "must name one of the directories (%s), since none is %s", all, TypeBuiltin)
	}
}

func (d Directory) check(m *Mistakes, index int, before []string) {
	key := "directories." + d.ID
	switch {
	case !directoryID.MatchString(d.ID):
		key = fmt.Sprintf("directories[%d]", index)
		m.add(key+".id", "%q is no id: write a letter and up to 31 letters, digits and -, in lower case", d.ID)
	case slices.Contains(before, d.ID):
		m.add(key, "is there twice: ids are unique")
	}
}

// NewUserDirectory returns the id of the default directory of new users.
func (c Config) NewUserDirectory() string {
	if c.DefaultDirectory != "" {
		return c.DefaultDirectory
	}
	for _, d := range c.Directories {
		if d.Type == TypeBuiltin {
			return d.ID
		}
	}
	return ""
}

func (s DirectorySync) check(m *Mistakes) {
	if s.CheckInterval != 0 {
		between(m, "directory_sync.check_interval", s.CheckInterval, 10*time.Second, day)
	}
	if s.RunInterval != 0 {
		between(m, "directory_sync.run_interval", s.RunInterval, time.Minute, 30*day)
	}
	number(m, "directory_sync.max_disable_percent", s.MaxDisablePercent, 0, 100)
	number(m, "directory_sync.max_disable_users", s.MaxDisableUsers, 0, 1000)
}

// The highest cost of a password hash that is verified (adapters/argon2id). Hashes of a higher cost would be created
// that no user can sign in with.
const (
	maxArgon2MemoryKiB = 128 << 10
	maxArgon2WorkKiB   = 512 << 10
)

func (p Passwords) check(m *Mistakes) {
	a := p.Argon2
	number(m, "passwords.argon2.memory_kib", a.MemoryKiB, 7*1024, maxArgon2MemoryKiB)
	number(m, "passwords.argon2.iterations", a.Iterations, 1, 20)
	number(m, "passwords.argon2.parallelism", a.Parallelism, 1, 16)
	// OWASP's sets of equal strength range from 46 MiB with one pass to 7 MiB with five.
	if a.MemoryKiB*a.Iterations < 5*7*1024 {
		m.add("passwords.argon2", "is too cheap: memory_kib × iterations must be at least %d", 5*7*1024)
	}
	if a.MemoryKiB*a.Iterations > maxArgon2WorkKiB {
		m.add("passwords.argon2", "costs too much: memory_kib × iterations must be at most %d", maxArgon2WorkKiB)
	}
	// below the time limit of a request
	between(m, "passwords.queue_deadline", p.QueueDeadline, 100*time.Millisecond, 25*time.Second)
	number(m, "passwords.queue_length", p.QueueLength, 1, 100_000)
}

func (c Config) checkMetrics(m *Mistakes) {
	oneOf(m, "metrics.profile", c.Metrics.Profile, Off, ProfileOn, ProfileRemote)
	if c.MetricsAddress() == "" {
		if c.Profile() {
			m.add("metrics.profile", "needs the metrics listener, and metrics.address is off")
		}
		return
	}
	loopback, ok := checkAddress(m, "metrics.address", c.Metrics.Address)
	if ok && c.Metrics.Address == c.HTTP.Address {
		m.add("metrics.address", "is the public listener's: metrics are not public")
	}
	if ok && !loopback && c.Metrics.Profile == ProfileOn {
		m.add("metrics.profile", "is on, and metrics.address %s is beyond loopback: profiles have no authentication. "+
			"Listen on 127.0.0.1, or set it to remote", c.Metrics.Address)
	}
}

// KeyFile returns the file of the key-encryption key that an embedded installation generates.
func (c Config) KeyFile() string { return filepath.Join(c.DataDir, "ostiary.key") }

// SQLiteFile returns the database file of the sqlite driver.
func (c Config) SQLiteFile() string { return filepath.Join(c.DataDir, "ostiary.db") }
