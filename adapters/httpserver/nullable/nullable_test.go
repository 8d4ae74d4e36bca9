package nullable_test

import (
	"testing"

	"github.com/go-json-experiment/json"

	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
)

type thing struct {
	A nullable.Nullable[string]   `json:"a"`
	B nullable.Nullable[[]string] `json:"b,omitzero"`
}

func TestDistinguishesAbsentNullAndValue(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		sent             string
		specified, isNul bool
		written          string
	}{
		"absent":         {`{}`, false, false, `{"a":null}`},
		"null":           {`{"a":null}`, true, true, `{"a":null}`},
		"a value":        {`{"a":"x"}`, true, false, `{"a":"x"}`},
		"an empty value": {`{"a":"","b":[]}`, true, false, `{"a":"","b":[]}`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got thing
			if err := json.Unmarshal([]byte(test.sent), &got); err != nil {
				t.Fatal(err)
			}
			if got.A.IsSpecified() != test.specified || got.A.IsNull() != test.isNul {
				t.Errorf("specified %v, null %v", got.A.IsSpecified(), got.A.IsNull())
			}
			written, err := json.Marshal(got)
			if err != nil || string(written) != test.written {
				t.Errorf("wrote %s, %v", written, err)
			}
		})
	}
	if _, ok := nullable.Null[string]().Get(); ok {
		t.Error("null has a value")
	}
	if v, ok := nullable.Of("x").Get(); !ok || v != "x" {
		t.Error("a value has none")
	}
	if err := json.Unmarshal([]byte(`{"a":1}`), new(thing)); err == nil {
		t.Error("a number was taken for a text")
	}
}
