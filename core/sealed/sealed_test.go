package sealed_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/ostiary/ostiary/core/sealed"
	"github.com/ostiary/ostiary/test/kit"
)

func TestSealedValuesOpenUnderTheirBindingOnly(t *testing.T) {
	t.Parallel()
	sealer := kit.New(t).Sealer
	type state struct{ Name string }
	box, err := sealed.Seal(sealer, "a", state{"secret name"})
	if err != nil || bytes.Contains(box, []byte("secret name")) {
		t.Fatalf("sealed to %q, %v", box, err)
	}
	var got state
	if err := sealed.Open(sealer, "a", box, &got); err != nil || got.Name != "secret name" {
		t.Errorf("opened %+v, %v", got, err)
	}
	if err := sealed.Open(sealer, "b", box, &got); err == nil || errors.Is(err, sealed.ErrForm) {
		t.Errorf("under another binding: %v", err)
	}
	var other []int
	if err := sealed.Open(sealer, "a", box, &other); !errors.Is(err, sealed.ErrForm) {
		t.Errorf("as another form: %v", err)
	}
	// Values of earlier versions are plain JSON under the seal.
	old, err := sealer.Seal([]byte(`{"Name":"old"}`), "a")
	if err != nil {
		t.Fatal(err)
	}
	if err := sealed.Open(sealer, "a", old, &got); err != nil || got.Name != "old" {
		t.Errorf("opened %+v, %v", got, err)
	}
}
