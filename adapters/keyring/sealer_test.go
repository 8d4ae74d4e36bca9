package keyring_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.Sealer = (*keyring.Sealer)(nil)

func newSealer(t *testing.T, keys ...keyring.Key) *keyring.Sealer {
	t.Helper()
	sealer, err := keyring.NewSealer(keys)
	if err != nil {
		t.Fatal(err)
	}
	return sealer
}

func seal(t *testing.T, sealer *keyring.Sealer, plain, binding string) []byte {
	t.Helper()
	sealed, err := sealer.Seal([]byte(plain), binding)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func TestSealedValuesOpen(t *testing.T) {
	t.Parallel()
	key := keyring.NewKey()
	sealer := newSealer(t, key)
	for _, plain := range []string{"", "a short one", strings.Repeat("secret ", 10_000)} {
		sealed := seal(t, sealer, plain, "users|usr_1|factor")
		got, err := sealer.Open(sealed, "users|usr_1|factor")
		if err != nil || string(got) != plain {
			t.Errorf("a value of %d bytes came back as %d bytes, error %v", len(plain), len(got), err)
		}
		if !bytes.HasPrefix(sealed, []byte("v1."+key.ID()+".")) {
			t.Errorf("the sealed value begins with %.30q, want the version and the key's id", sealed)
		}
		if plain != "" && bytes.Contains(sealed, []byte(plain)) {
			t.Error("the sealed value holds the plain one")
		}
	}
	if bytes.Equal(seal(t, sealer, "same", "x"), seal(t, sealer, "same", "x")) {
		t.Error("sealing twice gave the same value: a nonce was used again")
	}
}

func TestSealedValuesAreBound(t *testing.T) {
	t.Parallel()
	key := keyring.NewKey()
	sealer := newSealer(t, key)
	sealed := seal(t, sealer, "JBSWY3DPEHPK3PXP", "users|usr_1|factor")
	for _, binding := range []string{"users|usr_2|factor", "users|usr_1|refresh", "", "users|usr_1|factor "} {
		if _, err := sealer.Open(sealed, binding); err == nil {
			t.Errorf("a value of users|usr_1|factor opened as %q", binding)
		}
	}
	other := newSealer(t, keyring.NewKey())
	if _, err := other.Open(sealed, "users|usr_1|factor"); err == nil {
		t.Error("a value opened under another key")
	}
	// The same text under a key of the list that it was not sealed with.
	second := keyring.NewKey()
	moved := bytes.Replace(sealed, []byte(key.ID()), []byte(second.ID()), 1)
	if _, err := newSealer(t, key, second).Open(moved, "users|usr_1|factor"); err == nil {
		t.Error("a value opened under the name of another key")
	}
}

func TestAlteredSealedValuesAreRefused(t *testing.T) {
	t.Parallel()
	sealer := newSealer(t, keyring.NewKey())
	sealed := seal(t, sealer, "a secret", "place")
	refuse := func(what string, value []byte) {
		t.Helper()
		if _, err := sealer.Open(value, "place"); err == nil {
			t.Errorf("%s opened", what)
		}
	}
	for i := range sealed {
		refuse(fmt.Sprintf("a prefix of %d bytes", i), sealed[:i])
		for _, c := range []byte("Aa0_.=\n\x00") {
			if c != sealed[i] {
				changed := bytes.Clone(sealed)
				changed[i] = c
				refuse(fmt.Sprintf("a value with byte %d changed", i), changed)
			}
		}
	}
	for _, tail := range []string{"\n", "=", " ", "A", "."} {
		refuse(fmt.Sprintf("a value with %q after it", tail), append(bytes.Clone(sealed), tail...))
	}
	refuse("a value with a line break inside", bytes.Replace(sealed, []byte("."), []byte(".\n"), 2))
}

func TestRewrapMovesValuesToTheActiveKey(t *testing.T) {
	t.Parallel()
	old, active := keyring.NewKey(), keyring.NewKey()
	sealed := seal(t, newSealer(t, old), "secret", "place")
	both := newSealer(t, active, old)

	if got, err := both.Open(sealed, "place"); err != nil || string(got) != "secret" {
		t.Fatalf("a value under the former key does not open: %v", err)
	}
	moved, changed, err := both.Rewrap(sealed, "place")
	if err != nil || !changed {
		t.Fatalf("Rewrap = changed %v, %v", changed, err)
	}
	if got, err := newSealer(t, active).Open(moved, "place"); err != nil || string(got) != "secret" {
		t.Errorf("the moved value does not open under the active key alone: %v", err)
	}
	if same, changed, err := both.Rewrap(moved, "place"); err != nil || changed || !bytes.Equal(same, moved) {
		t.Errorf("a value under the active key was wrapped again (changed %v, %v)", changed, err)
	}
	if _, _, err := both.Rewrap(sealed, "elsewhere"); err == nil {
		t.Error("a value was wrapped for a place that it is not of")
	}
}

func TestKeysAndErrorsNeverShowKeys(t *testing.T) {
	t.Parallel()
	key := keyring.NewKey()
	for _, text := range []string{
		fmt.Sprint(key), fmt.Sprintf("%v %+v %#v %x %d", key, key, key, key, key),
		fmt.Sprint(&key),
	} {
		if strings.Trim(strings.ReplaceAll(text, "keyring.Key("+key.ID()+")", ""), " &") != "" {
			t.Errorf("a key formats as %q", text)
		}
	}
}

func FuzzOpen(f *testing.F) {
	sealer, err := keyring.NewSealer([]keyring.Key{keyring.NewKey()})
	if err != nil {
		f.Fatal(err)
	}
	sealed, _ := sealer.Seal([]byte("secret"), "place")
	f.Add(sealed)
	f.Add([]byte("v1..."))
	f.Fuzz(func(t *testing.T, value []byte) {
		plain, err := sealer.Open(value, "place")
		if err == nil && (string(plain) != "secret" || !bytes.Equal(value, sealed)) {
			t.Errorf("%q opened", value)
		}
	})
}

func BenchmarkSealAndOpen(b *testing.B) {
	sealer, err := keyring.NewSealer([]keyring.Key{keyring.NewKey()})
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		sealed, _ := sealer.Seal(make([]byte, 32), "sessions|sess_1|refresh")
		if _, err := sealer.Open(sealed, "sessions|sess_1|refresh"); err != nil {
			b.Fatal(err)
		}
	}
}
