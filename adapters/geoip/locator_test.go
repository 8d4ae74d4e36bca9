package geoip_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/adapters/geoip"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.Locator = (*geoip.Locator)(nil)

func named(name string) object { return object{"names": object{"en": name, "de": name + "!"}} }

func country(name, code string) object {
	o := named(name)
	o["iso_code"] = code
	return o
}

func open(t *testing.T) *geoip.Locator {
	t.Helper()
	locator, err := geoip.Open(writeDatabase(t, map[string]object{
		"203.0.113.0/24":  {"city": named("Prague"), "country": country("Czechia", "CZ")},
		"198.51.100.0/25": {"country": country("United States", "US")},
		"192.0.2.0/24":    {"city": named("Nowhere")},
		"192.88.99.0/24":  {"country": object{"iso_code": "AT"}},
		"2001:db8::/32":   {"city": named("Wien"), "country": country("Austria", "AT")},
	}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = locator.Close() })
	return locator
}

func TestLocate(t *testing.T) {
	t.Parallel()
	locator := open(t)
	for name, tt := range map[string]struct{ address, want string }{
		"a city":                        {"203.0.113.7", "Prague, CZ"},
		"a country without a city":      {"198.51.100.7", "United States, US"},
		"a city without a country":      {"192.0.2.1", "Nowhere"},
		"a country by its code alone":   {"192.88.99.1", "AT"},
		"an address beside the network": {"198.51.100.200", ""},
		"an IPv6 address":               {"2001:db8::1", "Wien, AT"},
		"an IPv4 address in IPv6":       {"::ffff:203.0.113.7", "Prague, CZ"},
		"an address with a zone":        {"fe80::1%eth0", ""},
		"a private address":             {"10.0.0.1", ""},
		"no address":                    {"", ""},
		"what is none":                  {"203.0.113.7:80", ""},
	} {
		if got := locator.Locate(tt.address); got != tt.want {
			t.Errorf("%s: Locate(%q) = %q, want %q", name, tt.address, got, tt.want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	damaged := filepath.Join(t.TempDir(), "damaged.mmdb")
	if err := os.WriteFile(damaged, []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{filepath.Join(t.TempDir(), "absent.mmdb"), damaged} {
		if _, err := geoip.Open(file); err == nil {
			t.Errorf("Open took %s", file)
		}
	}
}

func TestClosedLocatorReturnsNothing(t *testing.T) {
	t.Parallel()
	locator := open(t)
	if err := locator.Close(); err != nil {
		t.Fatal(err)
	}
	if got := locator.Locate("203.0.113.7"); got != "" {
		t.Errorf("Locate = %q after Close", got)
	}
}
