// Package geoip maps addresses to locations with a file that the operator provides: a MaxMind database (.mmdb) of
// cities or countries, such as GeoLite2 or DB-IP Lite. It makes no network requests.
//
// The file is mapped into memory when it is opened. A newer file is used from the next start; it must replace the old
// one by renaming, never by writing into the open file.
package geoip

import (
	"fmt"
	"net/netip"

	"github.com/oschwald/maxminddb-golang/v2"
)

// Locator implements ports.Locator. It is safe for concurrent use.
type Locator struct {
	db *maxminddb.Reader
}

// Open opens the database.
func Open(path string) (*Locator, error) {
	db, err := maxminddb.Open(path)
	if err != nil {
		return nil, fmt.Errorf("opening the database of places: %w", err)
	}
	return &Locator{db: db}, nil
}

// Close gives the file back; after it every address is unknown.
func (l *Locator) Close() error { return l.db.Close() }

type place struct {
	City struct {
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"city"`
	Country struct {
		Code  string `maxminddb:"iso_code"`
		Names struct {
			English string `maxminddb:"en"`
		} `maxminddb:"names"`
	} `maxminddb:"country"`
}

// Locate returns the city and the country's code, such as "Prague, CZ". Where no city is known, the country's name
// takes its place; where nothing is, as for private addresses, it returns "".
func (l *Locator) Locate(address string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	var found place
	if err := l.db.Lookup(ip.Unmap().WithZone("")).Decode(&found); err != nil {
		return "" // a damaged record is no reason to refuse the list of sessions
	}
	name := found.City.Names.English
	if name == "" {
		name = found.Country.Names.English
	}
	switch {
	case name == "":
		return found.Country.Code
	case found.Country.Code == "":
		return name
	}
	return name + ", " + found.Country.Code
}
