package arch

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
)

// formats lists the standard packages of encodings and transports. The adapter that speaks one imports them, and the
// core does not.
var formats = []string{
	"bufio", "encoding", "encoding/ascii85", "encoding/asn1", "encoding/base32", "encoding/base64", "encoding/binary",
	"encoding/csv", "encoding/gob",
	"encoding/hex", "encoding/json", "encoding/pem", "encoding/xml", "html", "io", "mime", "mime/multipart",
	"mime/quotedprintable", "net/mail",
	"net/rpc", "net/smtp", "net/textproto", "net/url", "text/tabwriter", "text/template", "compress/gzip", "archive/tar",
	"archive/zip",
}

// coreFormats lists the exceptions: a file or a folder of the core, what it imports, and why.
var coreFormats = []struct {
	path    string
	imports []string
	reason  string
}{
	{"core/opaquetoken", []string{"encoding/base64"}, "the form of tokens is their identity; no adapter may choose it"},
	{"core/sealed", []string{"encoding/json"}, "the form of values that only their writer reads, sealed"},
	{"core/domain/page.go", []string{"encoding/base64", "encoding/json"}, "the canonical form of a cursor"},
	{"core/domain/profile.go", []string{"encoding/json"}, "metadata is a JSON object by definition"},
	{
		"core/auditformat",
		[]string{"encoding/base64", "encoding/binary", "encoding/hex", "encoding/json"},
		"the byte formats of the audit log",
	},
	{
		"core/audit",
		[]string{"bufio", "encoding/base64", "encoding/hex", "encoding/json", "io"},
		"exports and proofs are files in the formats of the audit log",
	},
}

// wireWords matches text of one transport or one API: routes, cookies, headers, content types, status codes.
var wireWords = regexp.MustCompile(
	`/api/|(?i:cookies?\b)|\b(GET|POST|PUT|PATCH|DELETE) /|application/|text/(csv|html|plain)|Set-Cookie|User-Agent|\bHTTP\b|\b40[0-9]\b`)

// fieldTag matches a struct tag for an encoding.
var fieldTag = regexp.MustCompile("`(json|bson|yaml|xml|csv):")

// tagged lists the files of the core whose types have tags: those of coreFormats, and the types that core/sealed
// encodes.
var tagged = []string{
	"core/audit", "core/auditformat", "core/domain/page.go", "core/notify/emailbuilder.go",
	"core/sso/state.go",
}

func inCore(dir string) bool { return under(dir, "core") || under(dir, "ports") }

// allowsFormat reports whether a file may import a package of formats.
func allowsFormat(file, imported string) bool {
	if !slices.Contains(formats, imported) {
		return true
	}
	for _, e := range coreFormats {
		if under(file, e.path) && slices.Contains(e.imports, imported) {
			return true
		}
	}
	return false
}

// wire reports text of the core that belongs to a transport, an API or an encoding.
func (c *checker) wire(source []byte) {
	if !inCore(c.dir) {
		return
	}
	mayTag := slices.ContainsFunc(tagged, func(path string) bool { return under(c.name, path) })
	for i, line := range bytes.Split(source, []byte("\n")) {
		if found := wireWords.Find(line); found != nil {
			c.breaches = append(c.breaches, Breach{
				c.name, i + 1,
				"the core names " + strings.TrimSpace(string(found)) + ", which belongs to the adapter that speaks it",
			})
		}
		if fieldTag.Match(line) && !mayTag {
			c.breaches = append(c.breaches, Breach{
				c.name, i + 1,
				"a tag for an encoding in the core: the adapter that encodes has a type of its own",
			})
		}
	}
}
