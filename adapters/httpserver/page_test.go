package httpserver_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func page(raw string) (domain.Page, error) {
	q, err := httpserver.ParseQuery(raw)
	if err != nil {
		return domain.Page{}, err
	}
	return q.Page("-created_at")
}

func TestPaging(t *testing.T) {
	t.Parallel()
	cursor := domain.Cursor{Sort: "-created_at", Key: "k", ID: "usr_1"}.Encode()
	other := domain.Cursor{Sort: "username", Key: "k", ID: "usr_1"}.Encode()
	tests := map[string]struct {
		query         string
		number, limit int
		field, code   string
	}{
		"nothing is the first page of twenty": {"", 1, 20, "", ""},
		"page and limit":                      {"page=3&limit=50", 3, 50, "", ""},
		"the last page that a number reaches": {"page=100&limit=100", 100, 100, "", ""},
		"deep in small steps":                 {"page=10000&limit=1", 10000, 1, "", ""},
		"a cursor":                            {"cursor=" + cursor + "&limit=5", 1, 5, "", ""},
		"a cursor with page 1":                {"cursor=" + cursor + "&page=1", 1, 20, "", ""},
		"one row too deep":                    {"page=101&limit=100", 0, 0, "page", "use_cursor"},
		"far too deep":                        {"page=1000000000", 0, 0, "page", "use_cursor"},
		"page 0":                              {"page=0", 0, 0, "page", "invalid_request"},
		"a negative page":                     {"page=-1", 0, 0, "page", "invalid_request"},
		"an exponent":                         {"page=1e3", 0, 0, "page", "invalid_request"},
		"letters":                             {"page=abc", 0, 0, "page", "invalid_request"},
		"a plus":                              {"page=%2B1", 0, 0, "page", "invalid_request"},
		"a space":                             {"page=+1", 0, 0, "page", "invalid_request"},
		"a leading zero":                      {"page=01", 0, 0, "page", "invalid_request"},
		"hexadecimal":                         {"page=0x1", 0, 0, "page", "invalid_request"},
		"full-width digits":                   {"page=" + url.QueryEscape("１"), 0, 0, "page", "invalid_request"},
		"an empty page":                       {"page=", 0, 0, "page", "invalid_request"},
		"more than fits":                      {"page=99999999999999999999", 0, 0, "page", "invalid_request"},
		"two pages":                           {"page=1&page=2", 0, 0, "page", "invalid_request"},
		"limit 0":                             {"limit=0", 0, 0, "limit", "invalid_request"},
		"limit 101":                           {"limit=101", 0, 0, "limit", "invalid_request"},
		"two limits":                          {"limit=1&limit=1", 0, 0, "limit", "invalid_request"},
		"an empty cursor":                     {"cursor=", 0, 0, "cursor", "invalid_request"},
		"a cursor that is none":               {"cursor=abc", 0, 0, "cursor", "invalid_request"},
		"a cursor of another order":           {"cursor=" + other, 0, 0, "cursor", "invalid_request"},
		"a cut cursor":                        {"cursor=" + cursor[:len(cursor)-3], 0, 0, "cursor", "invalid_request"},
		"a cursor with a page":                {"cursor=" + cursor + "&page=2", 0, 0, "cursor", "invalid_request"},
		"two cursors":                         {"cursor=" + cursor + "&cursor=" + cursor, 0, 0, "cursor", "invalid_request"},
		"a broken escape":                     {"page=%zz", 0, 0, "query", "invalid_request"},
		"a semicolon":                         {"page=1;limit=2", 0, 0, "query", "invalid_request"},
		"invalid UTF-8":                       {"search=%ff", 0, 0, "search", "invalid_request"},
		"NUL":                                 {"search=a%00", 0, 0, "search", "invalid_request"},
		"a line feed":                         {"search=a%0ab", 0, 0, "search", "invalid_request"},
		"a control character in a name":       {"sea%0arch=a", 0, 0, "sea?rch", "invalid_request"},
		"an overlong cursor":                  {"cursor=" + strings.Repeat("a", 3000), 0, 0, "cursor", "invalid_request"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := page(test.query)
			if test.code == "" {
				if err != nil || got.Number != test.number || got.Limit != test.limit {
					t.Errorf("got %d %d, %v", got.Number, got.Limit, err)
				}
				return
			}
			f := fault.Of(err)
			if f == nil || f.Code != test.code || len(f.Details()) != 1 || f.Details()[0].Field != test.field {
				t.Errorf("got %v, want %s about %s", err, test.code, test.field)
			}
		})
	}
}

func FuzzPaging(f *testing.F) {
	f.Add("page=1&limit=2")
	f.Add("cursor=" + domain.Cursor{Sort: "-created_at", Key: "k", ID: "i"}.Encode())
	f.Add("page=%zz&limit=%00")
	f.Add("page=9223372036854775808&limit=-1")
	f.Fuzz(func(t *testing.T, raw string) {
		p, err := page(raw)
		if err != nil {
			if fault.Of(err).Kind != fault.Invalid {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		if p.Number < 1 || p.Limit < 1 || p.Limit > 100 || (p.After == nil && p.Number*p.Limit > 10_000) {
			t.Fatalf("took %q as page %d of %d", raw, p.Number, p.Limit)
		}
	})
}
