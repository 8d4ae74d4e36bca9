package keyring_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/ostiary/ostiary/adapters/keyring"
)

func TestKeyFileCarriesTheMarkOfItsStore(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ostiary.key")
	is := func(want keyring.StoreMark) {
		t.Helper()
		if got, err := keyring.ReadStoreMark(path); got != want || err != nil {
			t.Errorf("ReadStoreMark() = %+v, %v; want %+v", got, err, want)
		}
	}
	is(keyring.StoreMark{})
	keys, err := keyring.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	is(keyring.StoreMark{State: keyring.StoreNew})
	for _, mark := range []keyring.StoreMark{
		{State: keyring.StoreSetUp, ID: "one"},
		{State: keyring.StoreInUse, ID: "one"},
		{State: keyring.StoreNew},
		{State: keyring.StoreSetUp, ID: "two"},
	} {
		if err := keyring.AppendStoreMark(path, mark); err != nil {
			t.Fatal(err)
		}
		is(mark)
	}
	again, err := keyring.OpenKeyFile(path)
	if err != nil || len(again) != 1 || again[0].ID() != keys[0].ID() {
		t.Errorf("the marked file has the keys %v (%v), want %v", again, err, keys)
	}
}

func TestMarkBehindALastLineWithoutItsEndIsNoPartOfAKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ostiary.key")
	if err := os.WriteFile(path, []byte("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := keyring.AppendStoreMark(path, keyring.StoreMark{State: keyring.StoreSetUp, ID: "one"}); err != nil {
		t.Fatal(err)
	}
	if keys, err := keyring.OpenKeyFile(path); err != nil || len(keys) != 1 {
		t.Errorf("the file has the keys %v (%v), want one", keys, err)
	}
}
