package config

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The range of timeoutMS in storage.mongodb.uri. The store has the same one; its comment says why.
const minMongoDBTimeout, maxMongoDBTimeout = 100, 10_000

// unusedOptions are options of a connection string that the store replaces or the driver does not have, in lower case,
// with their usual names.
var unusedOptions = map[string]string{
	"readpreference": "readPreference", "readpreferencetags": "readPreferenceTags",
	"maxstalenessseconds": "maxStalenessSeconds", "readconcernlevel": "readConcernLevel", "wtimeoutms": "wtimeoutMS",
	"sockettimeoutms": "socketTimeoutMS", "waitqueuetimeoutms": "waitQueueTimeoutMS",
}

// options returns the options of the connection string by their names in lower case. An option may occur twice.
func (d MongoDB) options() map[string][]string {
	_, text, _ := strings.Cut(d.URI.Reveal(), "?")
	options := map[string][]string{}
	for pair := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '&' || r == ';' }) {
		name, value, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(value); err == nil {
			value = plain
		}
		name = strings.ToLower(name)
		options[name] = append(options[name], value)
	}
	return options
}

func (d MongoDB) checkOptions(m *Mistakes) {
	for _, text := range d.options()["timeoutms"] {
		if n, err := strconv.Atoi(text); err != nil || n < minMongoDBTimeout || n > maxMongoDBTimeout {
			m.add("storage.mongodb.uri", "timeoutMS must be %d to %d", minMongoDBTimeout, maxMongoDBTimeout)
		}
	}
}

// warn reports the options that have no effect. w=majority and journal=true are what the store does anyway.
func (d MongoDB) warn(m *Mistakes) {
	var unused []string
	for name, values := range d.options() {
		usual, known := unusedOptions[name]
		switch {
		case known:
		case name == "w" && !slices.Equal(values, []string{"majority"}):
			usual = "w"
		case name == "journal" && !slices.Equal(values, []string{"true"}):
			usual = "journal"
		default:
			continue
		}
		unused = append(unused, usual)
	}
	slices.Sort(unused)
	if len(unused) > 0 {
		m.add("storage.mongodb.uri", "%s has no effect: decisions are written to a majority and read from the primary, "+
			"and timeoutMS limits each call", strings.Join(unused, ", "))
	}
}
