package httpserver_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
	"github.com/ostiary/ostiary/core/fault"
)

type body struct {
	Username string                    `json:"username"`
	Age      int                       `json:"age,omitempty"`
	Remember *bool                     `json:"remember,omitempty"`
	Groups   []string                  `json:"groups,omitempty"`
	At       *time.Time                `json:"at,omitempty"`
	Metadata map[string]any            `json:"metadata,omitempty"`
	Name     nullable.Nullable[string] `json:"name,omitzero"`
	Inner    *struct {
		Code string `json:"code"`
	} `json:"inner,omitempty"`
}

func nested(n int) string {
	return `{"username":"a","metadata":` + strings.Repeat(`{"a":`, n) + `1` + strings.Repeat("}", n) + `}`
}

func TestBodiesAreDecodedStrictly(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-canary"
	tests := map[string]struct{ sent, field, reason string }{
		"a plain body passes":                 {`{"username":"a","age":3,"remember":true,"groups":["x"]}`, "", ""},
		"space around it passes":              {" \r\n{\"username\":\"a\"}\t\n", "", ""},
		"null passes where a patch can clear": {`{"name":null}`, "", ""},
		"null passes inside free data":        {`{"metadata":{"a":null,"b":[null]}}`, "", ""},
		"31 levels pass":                      {nested(31), "", ""},
		"no body":                             {``, "body", "is required"},
		"only space":                          {" \n ", "body", "is required"},
		"an unknown field":                    {`{"usernam":"` + secret + `"}`, "usernam", "is not a known field"},
		"an unknown field deep down": {
			`{"inner":{"codex":"` + secret + `"}}`, "inner.codex",
			"is not a known field",
		},
		"a case variant":                      {`{"USERNAME":"` + secret + `"}`, "USERNAME", "is not a known field"},
		"a case variant beside the right one": {`{"username":"a","Username":"b"}`, "Username", "is not a known field"},
		"the Kelvin sign for a k":             {"{\"\u212aey\":1}", "\u212aey", "is not a known field"},
		"a duplicate": {
			`{"username":"a","username":"` + secret + `"}`, "username",
			"is given twice",
		},
		"a duplicate in free data":      {`{"metadata":{"a":1,"a":2}}`, "metadata.a", "is given twice"},
		"an escaped duplicate":          {`{"username":"a","user\u006eame":"b"}`, "username", "is given twice"},
		"a number for a string":         {`{"username":4711}`, "username", "has the wrong type"},
		"an object for a string":        {`{"username":{"$ne":null}}`, "username", "has the wrong type"},
		"a list for a string":           {`{"username":["` + secret + `"]}`, "username", "has the wrong type"},
		"a string for a number":         {`{"age":"` + secret + `"}`, "age", "has the wrong type"},
		"a fraction for a whole number": {`{"age":1.5}`, "age", "has the wrong type"},
		"a number that does not fit":    {`{"age":99999999999999999999}`, "age", "has the wrong type"},
		"a string for a truth":          {`{"remember":"true"}`, "remember", "has the wrong type"},
		"a wrong element":               {`{"groups":["a",1]}`, "groups.1", "has the wrong type"},
		"null for a string":             {`{"username":null}`, "username", "must not be null"},
		"null for an optional":          {`{"remember":null}`, "remember", "must not be null"},
		"null for a list":               {`{"groups":null}`, "groups", "must not be null"},
		"null for an element":           {`{"groups":[null]}`, "groups.0", "must not be null"},
		"null for all":                  {`null`, "body", "must not be null"},
		"no date":                       {`{"at":"` + secret + `"}`, "at", "must be a date and time (RFC 3339)"},
		"a list for all":                {`[]`, "body", "has the wrong type"},
		"a string for all":              {`"` + secret + `"`, "body", "has the wrong type"},
		"a wrong type in a patch":       {`{"name":1}`, "name", "has the wrong type"},
		"trailing data":                 {`{"username":"a"} {"username":"b"}`, "body", "is not valid JSON"},
		"trailing garbage":              {`{"username":"a"}x`, "body", "is not valid JSON"},
		"half a body":                   {`{"username":"a"`, "body", "is not valid JSON"},
		"a comment":                     {`{"username":"a" /* b */}`, "body", "is not valid JSON"},
		"a trailing comma":              {`{"username":"a",}`, "body", "is not valid JSON"},
		"single quotes":                 {`{'username':'a'}`, "body", "is not valid JSON"},
		"a byte order mark":             {"\ufeff{\"username\":\"a\"}", "body", "is not valid JSON"},
		"a form":                        {`username=a`, "body", "is not valid JSON"},
		"invalid UTF-8":                 {"{\"username\":\"a\xff\"}", "username", "is not valid UTF-8"},
		"invalid UTF-8 in a name":       {"{\"user\xffname\":\"a\"}", "body", "is not valid UTF-8"},
		"half a surrogate":              {`{"username":"\ud800"}`, "username", "is not valid JSON"},
		"NUL":                           {`{"username":"a\u0000b"}`, "username", "must not contain NUL"},
		"NUL in a name":                 {`{"metadata":{"a\u0000b":1}}`, "metadata.a?b", "must not contain NUL"},
		"33 levels":                     {nested(32), "", "is nested too deeply"},
		"very deep":                     {nested(20000), "", "is nested too deeply"},
		"1001 elements": {
			`{"groups":["a"` + strings.Repeat(`,"a"`, 1000) + `]}`, "groups.1000",
			"has too many elements",
		},
		"an unknown name is shown short and safe": {
			`{"` + strings.Repeat("ä\u202e", 100) + `":1}`, "",
			"is not a known field",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := httpserver.DecodeJSON([]byte(test.sent), new(body))
			if test.reason == "" {
				if err != nil {
					t.Errorf("refused: %v", err)
				}
				return
			}
			f := fault.Of(err)
			if !f.Is(fault.ErrInvalid) || len(f.Details()) != 1 {
				t.Fatalf("got %v", err)
			}
			d := f.Details()[0]
			if d.Reason != test.reason || (test.field != "" && d.Field != test.field) || len(d.Field) > 100 {
				t.Errorf("got %q %q, want %q %q", d.Field, d.Reason, test.field, test.reason)
			}
			if strings.Contains(err.Error(), secret) || strings.ContainsRune(err.Error(), '\u202e') {
				t.Errorf("the refusal repeats what was sent: %v", err)
			}
		})
	}
}

func TestNullInAPostBodyIsTheSameAsLeavingTheMemberOut(t *testing.T) {
	t.Parallel()
	const sent = `{"username":null,"age":null,"remember":null,"groups":null,"at":null,"name":null,"inner":null}`
	var got body
	if err := httpserver.DecodePost([]byte(sent), &got); err != nil || !reflect.DeepEqual(got, body{}) {
		t.Errorf("%v, %+v", err, got)
	}
	got = body{}
	if err := httpserver.DecodePost([]byte(`{"inner":{"code":null},"metadata":{"a":null}}`), &got); err != nil ||
		got.Inner == nil {
		t.Errorf("deep down: %v, %+v", err, got)
	}
	if value, kept := got.Metadata["a"]; !kept || value != nil {
		t.Errorf("null in free data is gone: %v", got.Metadata)
	}
	for text, field := range map[string]string{`null`: "body", `{"groups":[null]}`: "groups.0", `{"nam":null}`: "nam"} {
		f := fault.Of(httpserver.DecodePost([]byte(text), new(body)))
		if f == nil || len(f.Details()) != 1 || f.Details()[0].Field != field {
			t.Errorf("%s: %v", text, f)
		}
	}
}

func TestTimesInBodiesMayBeInLowerCase(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"2024-01-15T10:00:00Z", "2024-01-15t10:00:00z", "2024-01-15t12:00:00+02:00"} {
		var got struct {
			At   time.Time                    `json:"at"`
			When nullable.Nullable[time.Time] `json:"when"`
		}
		err := httpserver.DecodePost([]byte(`{"at":"`+text+`","when":"`+text+`"}`), &got)
		when, _ := got.When.Get()
		if want := time.Date(2024, 1, 15, 10, 0, 0, 0, time.UTC); err != nil || !got.At.Equal(want) || !when.Equal(want) {
			t.Errorf("%s: %v, %v, %v", text, err, got.At, when)
		}
	}
}

func TestPatchDistinguishesAbsentNullAndValue(t *testing.T) {
	t.Parallel()
	var absent, null, set body
	for text, into := range map[string]*body{`{}`: &absent, `{"name":null}`: &null, `{"name":"a"}`: &set} {
		if err := httpserver.DecodeJSON([]byte(text), into); err != nil {
			t.Fatal(err)
		}
	}
	if absent.Name.IsSpecified() || !null.Name.IsNull() || set.Name != nullable.Of("a") {
		t.Errorf("absent %v, null %v, set %v", absent.Name, null.Name, set.Name)
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"username":"a","age":1,"groups":["b"],"metadata":{"c":[1,null,{"d":true}]},"name":null,"at":"2024-01-15T10:00:00Z"}`,
		`{"username":"a"}{`, `[[[[`, `{"a":"\ud800"}`, "{\"a\":\"\xff\"}", `{"age":1e999}`, nested(40), ``, `null`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		var into body
		err := httpserver.DecodeJSON(sent, &into)
		if err != nil {
			if got := fault.Of(err); got.Kind != fault.Invalid || len(got.Details()) != 1 {
				t.Fatalf("refused as %v", err)
			}
			return
		}
		if !json.Valid(sent) {
			t.Fatal("took what is no JSON")
		}
		if strings.ContainsRune(into.Username, 0) {
			t.Fatal("took a NUL")
		}
	})
}
