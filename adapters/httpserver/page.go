package httpserver

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Query holds the parameters of a request's query string, decoded. Each is given once unless it is read with All.
type Query struct{ values url.Values }

// ParseQuery decodes a query string. A broken escape, invalid UTF-8 or a control character is fault.ErrInvalid naming
// the parameter.
func ParseQuery(raw string) (Query, error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return Query{}, fault.ErrInvalid.About("query", "is not a valid query string")
	}
	for name, all := range values {
		for _, v := range append(all, name) {
			if !isPlain(v) {
				return Query{}, fault.ErrInvalid.About(printable(name), notPlain)
			}
		}
	}
	return Query{values}, nil
}

// QueryNames are the names of the parameters that a route takes; the value says whether one may be given several times.
type QueryNames map[string]bool

// check refuses every parameter that is not one of the names, and one that is given twice and may not be.
func (n QueryNames) check(q Query) error {
	refused := fault.ErrInvalid
	for _, name := range q.Names() {
		repeatable, known := n[name]
		switch {
		case name == "":
			refused = refused.About("query", "has a parameter without a name")
		case !known:
			refused = refused.About(printable(name), "is not a known parameter")
		case len(q.values[name]) > 1 && !repeatable:
			refused = refused.About(name, "is given twice")
		}
	}
	return domain.Refusal(refused)
}

// checkQuery refuses a query string that the route does not take, unless the principal is to be refused for who they
// are.
func (r *Request) checkQuery(m *mount) error {
	if m.Query == nil || len(r.c.Request().URI().QueryString()) == 0 {
		return nil
	}
	q, err := r.Query()
	if err == nil {
		err = m.Query.check(q)
	}
	return r.refuseFirst(err)
}

// refuseFirst returns the authorization error of the principal instead of a validation error of the request, if there
// is one: without the permission, the response does not reveal what is wrong with the request.
func (r *Request) refuseFirst(failure error) error {
	if failure == nil {
		return nil
	}
	if refused := r.Refusal(); refused != nil {
		return refused
	}
	return failure
}

const notPlain = "contains characters that are not allowed"

// isPlain reports whether text is valid UTF-8 without control characters.
func isPlain(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, unicode.IsControl)
}

// One returns the value of a parameter that may be given once; empty where it is absent.
func (q Query) One(name string) (string, error) {
	switch all := q.values[name]; len(all) {
	case 0:
		return "", nil
	case 1:
		return all[0], nil
	default:
		return "", fault.ErrInvalid.About(name, "is given twice")
	}
}

// All returns every value of a repeatable parameter, in their order.
func (q Query) All(name string) []string { return q.values[name] }

// Names returns the names of the parameters, sorted.
func (q Query) Names() []string { return slices.Sorted(maps.Keys(q.values)) }

// Has reports whether the parameter is given at all.
func (q Query) Has(name string) bool { return q.values.Has(name) }

// Bool returns a parameter that is "true" or "false"; false where it is absent.
func (q Query) Bool(name string) (bool, error) {
	switch v, err := q.One(name); {
	case err != nil:
		return false, err
	case v == "" && !q.Has(name), v == "false":
		return false, nil
	case v == "true":
		return true, nil
	default:
		return false, fault.ErrInvalid.About(name, "must be true or false")
	}
}

// Page reads page, limit and cursor of a list that is in the given order: page and limit within domain.Limits, at most
// domain.MaxPageDepth rows deep (domain.ErrUseCursor beyond), and either a cursor or a page.
func (q Query) Page(sort string) (domain.Page, error) {
	number, err := q.count("page", 1)
	if err != nil {
		return domain.Page{}, err
	}
	limit, err := q.count("limit", domain.DefaultPageLimit)
	if err != nil {
		return domain.Page{}, err
	}
	if !domain.Limits.PageSize.Allows(limit) {
		return domain.Page{}, fault.ErrInvalid.About("limit", "must be from "+domain.Limits.PageSize.String())
	}
	if q.Has("cursor") {
		return q.after(sort, number, limit)
	}
	if number > domain.MaxPageDepth/limit {
		return domain.Page{}, domain.ErrUseCursor.About("page",
			fmt.Sprintf("page times limit must not pass %d; use cursor", domain.MaxPageDepth))
	}
	return domain.Page{Number: number, Limit: limit}, nil
}

func (q Query) after(sort string, number, limit int) (domain.Page, error) {
	text, err := q.One("cursor")
	if err != nil {
		return domain.Page{}, err
	}
	if number != 1 {
		return domain.Page{}, fault.ErrInvalid.About("cursor", "cannot be combined with page")
	}
	after, err := domain.ParseCursor(text, sort)
	if err != nil {
		return domain.Page{}, err
	}
	return domain.Page{Number: number, Limit: limit, After: after}, nil
}

// count reads a parameter that counts from one. Only plain digits do: no sign, no exponent, no leading zero.
func (q Query) count(name string, byDefault int) (int, error) {
	text, err := q.One(name)
	if err != nil {
		return 0, err
	}
	if !q.Has(name) {
		return byDefault, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || !domain.Limits.Page.Allows(n) || strconv.Itoa(n) != text {
		return 0, fault.ErrInvalid.About(name, "must be a whole number from 1")
	}
	return n, nil
}
