package config

import (
	"net/netip"
	"net/url"
	"os"
	"runtime"
)

// Warnings returns likely errors that are valid.
func (c Config) Warnings() []Mistake {
	var m Mistakes
	c.HTTP.warn(&m)
	c.UsersAPI.warn(&m)
	for _, network := range c.RateLimits.Exempt {
		if isTooBroad(network) {
			m.add("rate_limits.exempt",
				"%s covers a large part of all addresses, which sign in without a limit: name the networks of "+
					"your own back ends", network)
		}
	}
	if c.Mail.Driver == DriverLog && c.Mail.SMTP.Address != "" {
		m.add("mail.driver", "is log: mail.smtp is set and not used")
	}
	if c.SMS.Driver == DriverLog && c.SMS.HTTP.URL != "" {
		m.add("sms.driver", "is log: sms.http is set and not used")
	}
	if c.Storage.Driver == StorageSQLite && c.Storage.MongoDB.URI != "" {
		m.add("storage.driver", "is sqlite: storage.mongodb is set and not used")
	}
	if c.Storage.Driver == StorageMongoDB {
		c.Storage.MongoDB.warn(&m)
	}
	return m
}

// FileWarnings reports files of the data directory that are accessible to other users than the service's. Windows has
// no such modes.
func (c Config) FileWarnings() []Mistake {
	var m Mistakes
	if runtime.GOOS == "windows" {
		return nil
	}
	if info, err := os.Stat(c.DataDir); err == nil && info.IsDir() && info.Mode().Perm()&others != 0 {
		m.add("data_dir",
			"%s is open to every user of this machine (mode %04o): make it 0700, or 0770 for a group of its own",
			c.DataDir, info.Mode().Perm())
	}
	for _, name := range []string{c.KeyFile(), c.SQLiteFile()} {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		switch mode := info.Mode().Perm(); {
		case mode&others != 0 && name == c.KeyFile():
			m.add("data_dir",
				"%s is open to others (mode %04o), and the service refuses it: make it 0600, and replace the key if "+
					"somebody may have read it", name, mode)
		case mode&others != 0:
			m.add("data_dir",
				"%s is open to others (mode %04o): the service makes it 0600 at its start where it owns the file, "+
					"and refuses it where it does not", name, mode)
		case mode&group != 0:
			m.add("data_dir",
				"%s is open to its group (mode %04o): the service makes it 0600 at its start where it owns the file",
				name, mode)
		}
	}
	return m
}

// guestLevel is the level of the role guest, which every self-registered user has.
const guestLevel = 256

func (a UsersAPI) warn(m *Mistakes) {
	if a.Enabled && a.SelfSignup && (a.ListMaxLevel < 0 || a.ListMaxLevel >= guestLevel) {
		m.add("users_api.list_max_level",
			"lets guests list users, and with users_api.self_signup anyone can become one and read "+
				"every e-mail address: set it below %d", guestLevel)
	}
}

// The permissions of a file's group, and of all other users.
const (
	group  = 0o070
	others = 0o007
)

// The shortest plausible prefix lengths of a proxy's network: that of 10.0.0.0/8, and that of fc00::/7.
const (
	minProxyBits4 = 8
	minProxyBits6 = 7
)

// isTooBroad reports whether a network is too large to belong to one organization.
func isTooBroad(network netip.Prefix) bool {
	bits := network.Bits()
	switch address := network.Addr(); {
	case address.Is4():
		return bits < minProxyBits4
	case address.Is4In6():
		return bits < 96+minProxyBits4
	default:
		return bits < minProxyBits6
	}
}

func (h HTTP) warn(m *Mistakes) {
	for _, network := range h.TrustedProxies {
		if isTooBroad(network) {
			m.add("http.trusted_proxies",
				"%s covers a large part of all addresses: from there, any client can choose the address "+
					"that limits and the audit log see. Name the proxies", network)
		}
	}
	public, err := url.Parse(h.PublicURL)
	if err != nil {
		return
	}
	here := isLoopbackHost(public.Hostname())
	if loopback, _ := isLoopback(h.Address); here && !loopback {
		m.add("http.public_url", "is %s: links in mails will lead to the reader's own machine", h.PublicURL)
	}
	if public.Scheme == "http" && !here {
		m.add("http.public_url", "is not https: passwords and tokens cross the network readable")
	}
}
