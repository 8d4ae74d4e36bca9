package domain_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func TestCheckUsername(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name string
		ok   bool
	}{
		"a plain name":                   {"johndoe", true},
		"all punctuation":                {"a.b_c-d@e+f", true},
		"letters of another language":    {"žofie", true},
		"letters of another script":      {"анна", true},
		"64 characters":                  {strings.Repeat("a", 64), true},
		"65 characters":                  {strings.Repeat("a", 65), false},
		"empty":                          {"", false},
		"a space":                        {"john doe", false},
		"a line end":                     {"john\n", false},
		"NUL":                            {"john\x00", false},
		"a slash":                        {"john/doe", false},
		"invalid UTF-8":                  {"jo\xffhn", false},
		"a Cyrillic letter among Latin":  {"аdmin", false},
		"a right-to-left override":       {"nimda\u202e", false},
		"a path of the Users API":        {"login", false},
		"that path in capitals":          {"SignUp", false},
		"a path that programs resolve":   {"..", false},
		"a name that starts like a path": {"login2", true},
		"a variation selector":           {"admin\ufe0f", false},
		"a supplementary selector":       {"admin\U000E0100", false},
		"a Mongolian selector":           {"admin\u180b", false},
		"a Hangul filler":                {"admin\u3164", false},
		"a Hangul filler of half width":  {"admin\uffa0", false},
		"the fillers of choseong":        {"\u115fadmin\u1160", false},
		"the grapheme joiner":            {"adm\u034fin", false},
		"the inherent vowels of Khmer":   {"admin\u17b4\u17b5", false},
		"a visible mark":                 {"z\u030cofie", true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := domain.CheckUsername(test.name); (err == nil) != test.ok {
				t.Errorf("%q: got %v", test.name, err)
			}
		})
	}
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for _, right := range []string{
		"john@example.com", "j.d+tag@sub.example.co", "žofie@example.com",
		"z\u030cofie@example.com", "a@localhost",
	} {
		if err := domain.CheckEmail(right); err != nil {
			t.Errorf("%q was refused: %v", right, err)
		}
	}
	for _, wrong := range []string{
		"", "john", "@example.com", "john@", "john@example..com", ".john@example.com", "john@exa mple.com",
		"john@example.com\r\nBcc: x@y.z",
		"jo hn@example.com", "john@пример.рф", strings.Repeat("a", 65) + "@example.com", "\"john\"@example.com",
		"john@-example.com", "\u030cx@example.com", "<john@example.com>",
		"admin\ufe0f@example.com", "admin\u3164@example.com", "adm\u034fin@example.com",
	} {
		if err := domain.CheckEmail(wrong); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%q was accepted as an email", wrong)
		}
	}
}

func TestCheckMetadata(t *testing.T) {
	t.Parallel()
	deep := strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20)
	tests := map[string]struct {
		raw string
		ok  bool
	}{
		"the documented one":  {`{"department":"Customer Service","employee_id":"EMP001"}`, true},
		"empty":               {``, true},
		"lists and objects":   {`{"a":[1,{"b":null}]}`, true},
		"a key with a dollar": {`{"$ne":1}`, true},
		"one in a list":       {`{"a":[{"$where":"x"}]}`, true},
		"a dotted key":        {`{"a.b":1}`, true},
		"a prototype":         {`{"__proto__":{}}`, true},
		"16 KiB":              {`{"a":"` + strings.Repeat("x", 16<<10-8) + `"}`, true},
		"one byte more":       {`{"a":"` + strings.Repeat("x", 16<<10-7) + `"}`, false},
		"16 levels":           {strings.Repeat(`{"a":`, 16) + `"}]{[\\"` + strings.Repeat("}", 16), true},
		"17 levels":           {strings.Repeat(`{"a":`, 16) + "[]" + strings.Repeat("}", 16), false},
		"invalid UTF-8":       {"{\"a\":\"\xff\"}", false},
		"a list":              {`[1]`, false},
		"null":                {`null`, false},
		"too deep":            {deep, false},
		"more than 16 KiB":    {`{"a":"` + strings.Repeat("x", 16<<10) + `"}`, false},
		"an empty key":        {`{"":1}`, true},
		"invalid JSON":        {`{"a":`, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := domain.CheckMetadata(json.RawMessage(test.raw)); (err == nil) != test.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestPasswordPolicy(t *testing.T) {
	t.Parallel()
	full := domain.DefaultSettings().Password
	tests := map[string]struct {
		policy   domain.PasswordPolicy
		password string
		rule     string
	}{
		"meets all rules":                     {full, "Correct-horse-7", ""},
		"counts characters, not bytes":        {domain.PasswordPolicy{MinLength: 8}, "žluťoučk", ""},
		"one character too few":               {full, "Short-1-abc", "min_length"},
		"no policy goes below eight":          {domain.PasswordPolicy{MinLength: 1}, "1234567", "min_length"},
		"no upper-case character":             {full, "correct-horse-7", "require_uppercase"},
		"no lower-case character":             {full, "CORRECT-HORSE-7", "require_lowercase"},
		"no digit":                            {full, "Correct-horse-x", "require_numbers"},
		"no special character":                {full, "Correcthorse777", "require_special"},
		"a space is special":                  {full, "Correct horse 7", ""},
		"256 characters":                      {domain.PasswordPolicy{}, strings.Repeat("ž", 256), ""},
		"257 characters":                      {domain.PasswordPolicy{}, strings.Repeat("a", 257), "max_length"},
		"NUL":                                 {domain.PasswordPolicy{}, "abcdefgh\x00", "NUL"},
		"capitals and digits of any language": {full, "Žluťoučký kůň ٣", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := test.policy.CheckPassword("password", test.password)
			if test.rule == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			if !errors.Is(err, domain.ErrPasswordPolicy) || !strings.Contains(err.Error(), test.rule) {
				t.Errorf("got %v, want the rule %s", err, test.rule)
			}
		})
	}
}

func TestNetworkOfAddress(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"192.0.2.7":            "192.0.2.7",
		"::ffff:192.0.2.7":     "192.0.2.7",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::/64",
		"2001:db8:1:2:ffff::1": "2001:db8:1:2::/64",
		"fe80::1%eth0":         "fe80::/64",
		"2001:db8:1:3:ffff::1": "2001:db8:1:3::/64",
	}
	for address, want := range tests {
		o := domain.Origin{Address: netip.MustParseAddr(address)}
		if got := o.Network(); got != want {
			t.Errorf("%s: network %s, want %s", address, got, want)
		}
	}
}

func TestCursorRoundTrip(t *testing.T) {
	t.Parallel()
	c := domain.Cursor{Sort: "-created_at", Key: "2026-03-01T12:00:00Z", ID: "usr_1"}
	got, err := domain.ParseCursor(c.Encode(), "-created_at")
	if err != nil || *got != c {
		t.Errorf("got %v, %v", got, err)
	}
	for _, wrong := range []string{"", "x", c.Encode() + "x", "bnVsbA", strings.Repeat("A", 3000)} {
		if _, err := domain.ParseCursor(wrong, "-created_at"); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("%.20q was accepted as a cursor", wrong)
		}
	}
	if _, err := domain.ParseCursor(c.Encode(), "username"); err == nil {
		t.Error("a cursor of another order was accepted")
	}
}

func FuzzParseCursor(f *testing.F) {
	f.Add(domain.Cursor{Sort: "username", Key: "john", ID: "usr_1"}.Encode())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := domain.ParseCursor(text, "username")
		if err == nil && (c.ID == "" || c.Sort != "username") {
			t.Errorf("%q was accepted", text)
		}
	})
}

func TestUserTokens(t *testing.T) {
	t.Parallel()
	u := domain.User{}
	u.AddToken(domain.UserToken{Purpose: domain.TokenReset, Digest: []byte("1"), ExpiresAt: noon.Add(time.Minute)}, noon)
	u.AddToken(domain.UserToken{Purpose: domain.TokenReset, Digest: []byte("2"), ExpiresAt: noon.Add(time.Minute)}, noon)
	if _, ok := u.FindToken([]byte("1"), noon); ok {
		t.Error("a new token must replace the earlier one")
	}
	if _, ok := u.FindToken([]byte("2"), noon); !ok {
		t.Error("the new token is not found")
	}
	if _, ok := u.FindToken([]byte("2"), noon.Add(time.Minute)); ok {
		t.Error("an expired token is found")
	}
}

func TestCheckDirectoryUsername(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name string
		ok   bool
	}{
		"a space and a backslash": {`CORP\John Doe`, true},
		"256 characters":          {strings.Repeat("ž", 256), true},
		"257 characters":          {strings.Repeat("a", 257), false},
		"none":                    {"", false},
		"a line end":              {"john\n", false},
		"a bidirectional sign":    {"nimda\u202e", false},
		"a filler":                {"admin\u3164", false},
		"invalid UTF-8":           {"jo\xffhn", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := domain.CheckDirectoryUsername(test.name); (err == nil) != test.ok {
				t.Errorf("%q: got %v", test.name, err)
			}
		})
	}
}

func TestPrintableRemovesControlCharacters(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Jane Doe":            "Jane Doe",
		" Jane\r\n\tDoe\x00 ": "Jane   Doe",
		"Jane \u202eeoD":      "Jane eoD",
		"J\x1b[31mane":        "J[31mane",
		"Ja\xffne":            "Jane",
		"葛\U000E0100城":        "葛\U000E0100城",
		"žluťoučký kůň":       "žluťoučký",
	} {
		if got := domain.Printable(text, len([]rune(want))); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestCheckGroupName(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		name string
		ok   bool
	}{
		"the documented name":         {"support_team", true},
		"words of another script":     {"Отдел продаж", true},
		"accents":                     {"Účtárna č. 2", true},
		"Japanese":                    {"営業部", true},
		"words of two scripts":        {"IT отдел", true},
		"a word of two scripts":       {"аdmins", false},
		"64 characters":               {strings.Repeat("ž", 64), true},
		"65 characters":               {strings.Repeat("ž", 65), false},
		"empty":                       {"", false},
		"a leading space":             {" ops", false},
		"a slash":                     {"a/b", false},
		"a line end":                  {"ops\n", false},
		"a variation selector":        {"ops\ufe0f", false},
		"a filler":                    {"\u3164ops", false},
		"a name in the form of an ID": {"grp_01hm6x2c4s9v1b7n3k5m8p0qrt", false},
		"invalid UTF-8":               {"op\xffs", false},
		"a mark without a letter":     {"\u030cops", false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := domain.CheckGroupName(test.name); (err == nil) != test.ok {
				t.Errorf("%q: got %v", test.name, err)
			}
		})
	}
}
