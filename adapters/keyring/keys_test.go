package keyring_test

import (
	"encoding/base64"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/keyring"
)

func TestOpenKeyFileCreatesOneKeyUnderARace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	ids := make([]string, 16)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			keys, err := keyring.OpenKeyFile(path)
			if err != nil || len(keys) != 1 {
				t.Errorf("OpenKeyFile = %d keys, %v", len(keys), err)
				return
			}
			ids[i] = keys[0].ID()
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("processes that start together have the keys %v", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v (%v), want 0600", info.Mode().Perm(), err)
	}
	left, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(left) != 1 {
		t.Errorf("%d files are left beside the key file (%v)", len(left)-1, err)
	}
}

func TestOpenKeyFileRefuses(t *testing.T) {
	t.Parallel()
	secret := strings.Repeat("ab", 32)
	tests := map[string]struct {
		content string
		mode    os.FileMode
		want    string
	}{
		"a file that others may read": {secret, 0o644, "open to others"},
		"a file that others may use":  {secret, 0o662, "open to others"},
		"an empty file":               {"", 0o600, "no key"},
		"a key that was cut off":      {secret[:60], 0o600, "line 1"},
		"a key that is listed twice":  {secret + "\n\n" + secret, 0o600, "line 3 repeats"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "keys")
			if err := os.WriteFile(path, []byte(tt.content), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chmod(path, tt.mode); err != nil { // WriteFile's mode passes through the umask
				t.Fatal(err)
			}
			_, err := keyring.OpenKeyFile(path)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("OpenKeyFile = %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "abab") {
				t.Error("the error shows the key")
			}
		})
	}
}

func TestOpenKeyFileSaysWhenTheFolderIsNotThere(t *testing.T) {
	t.Parallel()
	if _, err := keyring.OpenKeyFile(filepath.Join(t.TempDir(), "absent", "keys")); err == nil {
		t.Error("a key file was made in a folder that is not there")
	}
}

func TestParseKeysReadsAllSpellings(t *testing.T) {
	t.Parallel()
	raw := make([]byte, 32)
	for i := range raw {
		raw[i] = 0xF8 + byte(i%8)
	}
	var ids []string
	for _, line := range []string{
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw),
		base64.RawURLEncoding.EncodeToString(raw), hex.EncodeToString(raw),
		"# a comment\r\n\r\n  " + hex.EncodeToString(raw) + "  \r\n",
	} {
		keys, err := keyring.ParseKeys(line)
		if err != nil || len(keys) != 1 {
			t.Fatalf("ParseKeys(%q) = %d keys, %v", line, len(keys), err)
		}
		ids = append(ids, keys[0].ID())
	}
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("spellings of one key have the ids %v", ids)
		}
	}
}

// TestAKeyFileOfAGroupIsOpenedAndTakenBack: Kubernetes gives the group of a volume's fsGroup access to every file at
// each mount.
func TestAKeyFileOfAGroupIsOpenedAndTakenBack(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keys")
	made, err := keyring.OpenKeyFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range []os.FileMode{0o660, 0o640, 0o620, 0o670} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		keys, err := keyring.OpenKeyFile(path)
		if err != nil || len(keys) != 1 || keys[0].ID() != made[0].ID() {
			t.Errorf("mode %04o: %d keys, %v", mode, len(keys), err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("mode %04o became %v, %v; want 0600", mode, info.Mode().Perm(), err)
		}
	}
}
