package securityapi

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func TestMetadataPatchKeepsTheSpellingOfBothSides(t *testing.T) {
	t.Parallel()
	const sent = `{"z.z":1.0,"$a":12345678901234567890,"n":1e2,"":{"b":2,"a":1.50},"__proto__":"<é>","l":[1.0,{"$x.y":null}]}`
	tests := map[string]struct{ patch, want string }{
		"an empty patch":    {`{}`, sent},
		"an added member":   {`{"new.key":0.10}`, strings.TrimSuffix(sent, "}") + `,"new.key":0.10}`},
		"a removed member":  {`{"$a":null}`, strings.Replace(sent, `"$a":12345678901234567890,`, "", 1)},
		"a replaced member": {`{"n":1E+2}`, strings.Replace(sent, "1e2", "1E+2", 1)},
		"inside an object": {
			`{"":{"a":null,"c.d":{"e":null,"f":-0.0}}}`,
			strings.Replace(sent, `{"b":2,"a":1.50}`, `{"b":2,"c.d":{"f":-0.0}}`, 1),
		},
		"an object for a list": {`{"l":{"a":1}}`, strings.Replace(sent, `[1.0,{"$x.y":null}]`, `{"a":1}`, 1)},
		"a key with an escape": {`{"\u0024a":2}`, strings.Replace(sent, "12345678901234567890", "2", 1)},
		"spaces":               {" { \"n\" : [ 1 , 2 ] } ", strings.Replace(sent, "1e2", "[ 1 , 2 ]", 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := metadataPatch(json.RawMessage(tt.patch))(domain.Metadata(sent))
			if err != nil || string(got) != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got, err, tt.want)
			}
		})
	}
}

func TestMetadataPatchMustBeAnObject(t *testing.T) {
	t.Parallel()
	if got, err := metadataPatch(nil)(domain.Metadata(`{"a":1}`)); got != nil || err != nil {
		t.Errorf("an empty patch leaves %s, %v", got, err)
	}
	for _, patch := range []string{`[]`, `1`, `"a"`, ` null`, `{"a":"` + strings.Repeat("<", 16<<10) + `"}`} {
		if got, err := metadataPatch(json.RawMessage(patch))(nil); !errors.Is(err, fault.ErrInvalid) {
			t.Errorf("the patch %.20s leaves %.20s, %v", patch, got, err)
		}
	}
}
