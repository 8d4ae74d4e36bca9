package account_test

import (
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
	s := kit.Start(t, kit.Options{})
	const sent = `{"z.z":1.0,"$a":12345678901234567890,"n":1e2,"":{"b":2,"a":1.50},"__proto__":"<é>","l":[1.0,{"$x.y":null}]}`
	made, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{
		Username: "john", Email: "john@example.com", Metadata: domain.Metadata(sent),
	})
	if err != nil || string(made.Metadata) != sent {
		t.Fatalf("created with %s, %v", made.Metadata, err)
	}
}

func TestMetadataSizeLimitAppliesAfterPatch(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{})
	made, err := s.Account.Create(t.Context(), domain.Operator(), account.NewUser{
		Username: "john", Email: "john@example.com", Metadata: domain.Metadata(`{"a":"` + strings.Repeat("<", 8<<10) + `"}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	update := func(n int) error {
		_, err := s.Account.Update(t.Context(), domain.Operator(), made.ID,
			account.Patch{Metadata: func(present domain.Metadata) (domain.Metadata, error) {
				return append(present[:len(present)-1:len(present)-1], `,"b":"`+strings.Repeat("&", n)+`"}`...), nil
			}})
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
