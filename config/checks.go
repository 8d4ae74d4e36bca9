package config

import (
	"encoding/base64"
	"encoding/hex"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

func oneOf(m *Mistakes, key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		m.add(key, "%q is none of %s%s", value, strings.Join(allowed, ", "), nearest(value, allowed))
	}
}

func between(m *Mistakes, key string, value, least, most time.Duration) {
	if value < least || value > most {
		m.add(key, "must be from %s to %s", formatDuration(least), formatDuration(most))
	}
}

func number(m *Mistakes, key string, value, least, most int) {
	if value < least || value > most {
		m.add(key, "must be from %d to %d", least, most)
	}
}

// checkAddress checks host:port and reports whether it is on this machine only.
func checkAddress(m *Mistakes, key, address string) (loopback, ok bool) {
	loopback, ok = isLoopback(address)
	if !ok {
		m.add(key, "%q is no address: write host:port, such as 127.0.0.1:8080", address)
	}
	return loopback, ok
}

func isLoopback(address string) (loopback, ok bool) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return false, false
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return false, false
	}
	return isLoopbackHost(host), true
}

func isLoopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// checkOrigin checks scheme://host[:port] without a path.
func checkOrigin(m *Mistakes, key, text string) {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.String() != u.Scheme+"://"+u.Host ||
		hasWildcard(text) {
		m.add(key, "%q must be scheme, host and port alone, such as https://id.example.org", text)
	}
}

// checkCORSOrigins checks origins, which are compared byte by byte with what a browser sends: in lower case, and
// without the default port of the scheme.
func checkCORSOrigins(m *Mistakes, key string, origins []string) {
	defaultPort := map[string]string{"http": "80", "https": "443"}
	for _, origin := range origins {
		checkOrigin(m, key, origin)
		u, err := url.Parse(origin)
		if err == nil && (origin != strings.ToLower(origin) || u.Port() != "" && u.Port() == defaultPort[u.Scheme]) {
			m.add(key, "%q is not what a browser sends: write it in lower case, and without the scheme's own port", origin)
		}
	}
}

// secureScheme reports whether the URL is https, or on this machine.
func secureScheme(u *url.URL) bool {
	return u.Scheme == "https" || u.Scheme == "http" && isLoopbackHost(u.Hostname())
}

func hasWildcard(text string) bool { return strings.Contains(text, "*") }

const keyBytes = 32

// areKeys reports whether the text consists of 256-bit keys in hexadecimal or a form of base64, one per line, the
// active one first. Empty lines and lines that begin with # are ignored.
func areKeys(text string) bool {
	found := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if !isKey(line) {
			return false
		}
		found = true
	}
	return found
}

func isKey(text string) bool {
	if b, err := hex.DecodeString(text); err == nil && len(b) == keyBytes {
		return true
	}
	b, err := base64.RawURLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text))
	return err == nil && len(b) == keyBytes
}
