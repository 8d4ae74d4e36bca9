package ldapdir

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// listRequest limits one page of a listing, which a server may have to sort out of many entries.
const listRequest = 60 * time.Second

// timeLayout is the form of times on LDAP servers (RFC 4517 section 3.3.13).
const timeLayout = "20060102150405Z"

// A server whose newest stamp is older than settled issues no such old stamp again, whatever its clock.
const settled = time.Hour

// token is the end position of a run. In addition to the mark from which changes are requested, it detects events
// that no list of changes contains: a deleted entry, or a changed group.
type token struct {
	Server string `json:"s"` // the server of the marks: each Active Directory domain controller has its own counter
	Mark   string `json:"m"`
	Before uint64 `json:"b"` // of all people created before the mark
	At     uint64 `json:"a"` // of all people created at the mark
	Groups uint64 `json:"g"`
	// Settings identifies the settings of the run. Under others the same entries have other users and roles.
	Settings uint64 `json:"c"`
}

// stamp returns a hash of the settings that affect the result of a listing.
func (s Settings) stamp() uint64 {
	s.BindPassword, s.BindPasswordFile = "", ""
	s.Timeouts, s.Pool, s.Breaker, s.PageSize = Timeouts{}, Pool{}, Breaker{}, 0
	raw, _ := json.Marshal(s) //nolint:musttag // only to be hashed; texts, numbers and lists of them always marshal
	return hashOf(string(raw))
}

func (t token) encode() string {
	raw, _ := json.Marshal(t) // strings and numbers always marshal
	return base64.RawURLEncoding.EncodeToString(raw)
}

func parseToken(text string) (token, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(text)
	var t token
	return t, err == nil && text != "" && json.Unmarshal(raw, &t) == nil && t.Mark != ""
}

// stamps are the attributes by which a dialect detects changes.
type stamps struct{ changed, created string }

func (c *client) stamps() stamps {
	if c.activeDirectory() {
		return stamps{"uSNChanged", "uSNCreated"}
	}
	return stamps{"modifyTimestamp", "createTimestamp"}
}

// List lists all people.
func (c lookups) List(ctx context.Context, since string, yield func([]domain.Identity) error) (domain.ListResult,
	error,
) {
	tripped, _ := c.breaker.state()
	select {
	case <-tripped:
		return domain.ListResult{}, c.translate(&outageError{cause: errTripped})
	default:
	}
	on, err := c.pool.connect(ctx) // its own: a listing would occupy the pool that logins need
	c.breaker.report(err)
	if err != nil {
		return domain.ListResult{}, c.translate(err)
	}
	defer on.discard()
	on.SetTimeout(listRequest)
	l := lister{client: c.client, on: on, yield: yield, checksums: checksums{}}
	res, err := l.run(ctx, since)
	if l.own != nil {
		return domain.ListResult{}, l.own // of the receiver, unchanged
	}
	return res, c.translate(err)
}

// lister is one listing.
type lister struct {
	*client
	on        *conn
	yield     func([]domain.Identity) error
	graph     *graph
	checksums checksums
	skipped   []domain.SkippedEntry
	listed    int
	own       error // the receiver's error
}

func (l *lister) run(ctx context.Context, since string) (domain.ListResult, error) {
	next := token{Settings: l.settings.stamp()}
	var err error
	if next.Server, next.Mark, err = l.position(ctx); err != nil {
		return domain.ListResult{}, err
	}
	if l.graph, err = l.loadGraph(ctx, l.on, l.stamps().changed); err != nil {
		return domain.ListResult{}, fmt.Errorf("reading the groups: %w", err)
	}
	next.Groups = l.graph.stamp
	if last, ok := parseToken(since); ok && last.continues(next) {
		if err := l.count(ctx); err != nil {
			return domain.ListResult{}, err
		}
		if before, at := l.checksums.sums(last.Mark, l.activeDirectory()); before == last.Before && at == last.At {
			return l.changes(ctx, next, last)
		}
		l.checksums = checksums{}
	}
	newest, err := l.people(ctx, l.settings.UserFilter, func(p entry) { l.checksums.add(p.subject, l.created(p)) })
	if err != nil {
		return domain.ListResult{}, err
	}
	if l.listed == 0 && len(l.skipped) > 0 {
		return domain.ListResult{}, errors.New(l.skipped[0].Reason) // not odd entries, but a wrong setting
	}
	return domain.ListResult{Next: l.token(next, newest), Complete: true, Skipped: l.skipped}, nil
}

// continues reports whether changes since t can be listed: server, groups and settings are still those of t.
func (t token) continues(next token) bool {
	return t.Server == next.Server && t.Groups == next.Groups && t.Settings == next.Settings
}

// changes yields the people that have changed since the last run.
func (l *lister) changes(ctx context.Context, next, last token) (domain.ListResult, error) {
	condition := "(" + l.stamps().changed + ">=" + ldap.EscapeFilter(last.Mark) + ")"
	newest, err := l.people(ctx, "(&"+l.settings.UserFilter+condition+")", func(entry) {})
	if err != nil {
		return domain.ListResult{}, err
	}
	if newest == "" && !l.activeDirectory() {
		return domain.ListResult{Next: last.encode(), Skipped: l.skipped}, nil
	}
	return domain.ListResult{Next: l.token(next, newest), Skipped: l.skipped}, nil
}

// position returns the server's identity and, if it counts its changes, the number to begin from next time. It is
// read before the run, so that changes during the run are listed again.
func (l *lister) position(ctx context.Context) (server, mark string, err error) {
	if !l.activeDirectory() {
		return "", "", nil // stamps are times, the same on every server
	}
	root, err := readEntry(ctx, l.on, "", "highestCommittedUSN", "dsServiceName")
	if err != nil || root == nil {
		return "", "", fmt.Errorf("reading the root DSE: %w", err)
	}
	usn, err := strconv.ParseUint(root.GetEqualFoldAttributeValue("highestCommittedUSN"), 10, 64)
	if err != nil {
		return "", "", nil //nolint:nilerr // then every run is complete
	}
	service := root.GetEqualFoldAttributeValue("dsServiceName")
	if settings, err := readEntry(ctx, l.on, service, "invocationId"); err == nil && settings != nil {
		service += string(settings.GetEqualFoldRawAttributeValue("invocationId")) // differs after a restore
	}
	return strconv.FormatUint(hashOf(service), 16), strconv.FormatUint(usn+1, 10), nil
}

// count only counts the existing people.
func (l *lister) count(ctx context.Context) error {
	w := walk{
		base: l.settings.BaseDN, filter: l.settings.UserFilter,
		attributes: []string{l.settings.Attributes.Subject, l.stamps().created},
	}
	return l.walk(ctx, l.on, w, func(entries []*ldap.Entry) error {
		for _, e := range entries {
			if p, err := l.newEntry(e); err == nil { // people names the others
				l.checksums.add(p.subject, l.created(p))
			}
		}
		return nil
	})
}

func (l *lister) created(p entry) string { return p.GetEqualFoldAttributeValue(l.stamps().created) }

// people reads the entries that match the filter, yields them page by page, and returns the newest stamp.
func (l *lister) people(ctx context.Context, filter string, seen func(entry)) (newest string, err error) {
	w := walk{
		base: l.settings.BaseDN, filter: filter,
		attributes: l.personAttributes(l.stamps().changed, l.stamps().created),
	}
	err = l.walk(ctx, l.on, w, func(entries []*ldap.Entry) error {
		page := make([]domain.Identity, 0, len(entries))
		for _, e := range entries {
			p, err := l.newEntry(e)
			if err != nil {
				l.skip(e, err)
				continue
			}
			l.listed++
			seen(p)
			newest = max(newest, e.GetEqualFoldAttributeValue(l.stamps().changed)) // as text: used for times only
			page = append(page, l.identity(p, l.graph.groupsOf(l.client, p)))
		}
		if len(page) > 0 {
			l.own = l.yield(page)
		}
		return l.own
	})
	return newest, err
}

// skip records an entry that cannot be an account.
func (l *lister) skip(e *ldap.Entry, err error) {
	l.skipped = append(l.skipped, domain.SkippedEntry{
		Name:     domain.Printable(e.DN, longestDiagnostic),
		Username: domain.Printable(e.GetEqualFoldAttributeValue(l.settings.Attributes.Username), longestDiagnostic),
		Reason:   domain.Printable(err.Error(), longestDiagnostic),
	})
}

// token returns the token for the next run; empty if the server has no stamps.
func (l *lister) token(next token, newest string) string {
	if !l.activeDirectory() {
		next.Mark = l.markAfter(newest)
	}
	if next.Mark == "" {
		return ""
	}
	next.Before, next.At = l.checksums.sums(next.Mark, l.activeDirectory())
	return next.encode()
}

// markAfter returns the start of the next request for changes: the newest stamp, or just after it if it is so old
// that no other entry can get it any more.
func (l *lister) markAfter(newest string) string {
	at, err := time.Parse(timeLayout, newest)
	if err != nil {
		return ""
	}
	if l.clock.Now().Sub(at) > settled {
		at = at.Add(time.Second)
	}
	return at.UTC().Format(timeLayout)
}

// checksums is an order-independent checksum of the existing people: their subjects by the stamp of their creation.
type checksums map[string]uint64

func (c checksums) add(subject domain.Subject, created string) { c[created] ^= hashOf(string(subject)) }

// sums returns the checksums of the people created before the mark, and of those created at it: a timestamp may be
// shared with a later entry, the next number of a counter may not.
func (c checksums) sums(mark string, numbers bool) (before, at uint64) {
	for stamp, sum := range c {
		switch {
		case stamp == mark && !numbers:
			at = sum
		case earlier(stamp, mark, numbers):
			before ^= sum
		}
	}
	return before, at
}

func earlier(a, b string, numbers bool) bool {
	if !numbers {
		return a < b // of one length, so in the order of the times
	}
	n, _ := strconv.ParseUint(a, 10, 64)
	m, _ := strconv.ParseUint(b, 10, 64)
	return n < m
}
