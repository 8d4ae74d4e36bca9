package account_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

func TestMetadataIsStoredAsSent(t *testing.T) {
	t.Parallel()
	const sent = `{"z.z":1.0,"$a":12345678901234567890,"n":1e2,"":{"b":2,"a":1.50},"__proto__":"<é>","l":[1.0,{"$x.y":null}]}`
	tests := map[string]struct{ patch, want string }{
		"an empty patch":       {`{}`, sent},
		"an added member":      {`{"new.key":0.10}`, strings.TrimSuffix(sent, "}") + `,"new.key":0.10}`},
		"a removed member":     {`{"$a":null}`, strings.Replace(sent, `"$a":12345678901234567890,`, "", 1)},
		"a replaced member":    {`{"n":1E+2}`, strings.Replace(sent, "1e2", "1E+2", 1)},
		"inside an object":     {`{"":{"a":null,"c.d":{"e":null,"f":-0.0}}}`, strings.Replace(sent, `{"b":2,"a":1.50}`, `{"b":2,"c.d":{"f":-0.0}}`, 1)},
		"an object for a list": {`{"l":{"a":1}}`, strings.Replace(sent, `[1.0,{"$x.y":null}]`, `{"a":1}`, 1)},
		"a key with an escape": {`{"\u0024a":2}`, strings.Replace(sent, "12345678901234567890", "2", 1)},
		"spaces":               {" { \"n\" : [ 1 , 2 ] } ", strings.Replace(sent, "1e2", "[ 1 , 2 ]", 1)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := kit.Start(t, kit.Options{})
			made, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{
				Username: "john", Email: "john@example.com", Metadata: json.RawMessage(sent),
			})
			if err != nil || string(made.Metadata) != sent {
				t.Fatalf("created with %s, %v", made.Metadata, err)
			}
			patch := json.RawMessage(tt.patch)
			got, err := s.Account.Update(t.Context(), domain.Operator(), made.ID, account.Patch{Metadata: &patch})
			if err != nil || string(got.Metadata) != tt.want {
				t.Errorf("got  %s, %v\nwant %s", got.Metadata, err, tt.want)
			}
		})
	}
}

func TestMetadataSizeLimitAppliesAfterPatch(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	made, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{
		Username: "john", Email: "john@example.com", Metadata: json.RawMessage(`{"a":"` + strings.Repeat("<", 8<<10) + `"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	update := func(n int) error {
		patch := json.RawMessage(`{"b":"` + strings.Repeat("&", n) + `"}`)
		_, err := s.Account.Update(t.Context(), domain.Operator(), made.ID, account.Patch{Metadata: &patch})
		return err
	}
	const fits = 8<<10 - len(`{"a":"","b":""}`)
	if err := update(fits + 1); !errors.Is(err, fault.ErrInvalid) {
		t.Errorf("merged metadata of more than 16 KiB: %v", err)
	}
	if err := update(fits); err != nil {
		t.Errorf("merged metadata of 16 KiB: %v", err)
	}
}
