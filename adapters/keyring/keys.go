package keyring

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

// keySize is the size of a KEK in bytes.
const keySize = 32

// Key is a key-encryption key. It never formats itself.
type Key struct {
	id  string
	key [keySize]byte
}

// ID returns the name of the key that sealed values carry: 16 hexadecimal digits that follow from the key.
func (k Key) ID() string { return k.id }

// Format keeps the key out of logs, whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("keyring.Key(" + k.id + ")")) }

// NewKey returns a random key.
func NewKey() Key {
	var raw [keySize]byte
	_, _ = rand.Read(raw[:]) // never fails, see crypto/rand
	return makeKey(raw)
}

func makeKey(raw [keySize]byte) Key {
	sum := sha256.Sum256(append([]byte("ostiary key id\x00"), raw[:]...))
	return Key{id: hex.EncodeToString(sum[:8]), key: raw}
}

// ParseKeys parses keys: one per line, the active one first, each 32 bytes in base64 or hexadecimal. Empty lines and
// lines that begin with # are skipped. Errors contain the line number and never the content.
func ParseKeys(text string) ([]Key, error) {
	var keys []Key
	seen := map[string]bool{}
	text = strings.TrimPrefix(text, "\ufeff") // a byte order mark
	for number, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, ok := parseKey(line)
		if !ok {
			return nil, fmt.Errorf("line %d is no key: 32 bytes in base64 or hexadecimal are wanted", number+1)
		}
		if seen[key.id] {
			return nil, fmt.Errorf("line %d repeats a key", number+1)
		}
		seen[key.id] = true
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, errors.New("there is no key")
	}
	return keys, nil
}

func parseKey(line string) (Key, bool) {
	raw, err := hex.DecodeString(line)
	if err != nil {
		line = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(line, "="))
		raw, err = base64.RawStdEncoding.DecodeString(line)
	}
	if err != nil || len(raw) != keySize {
		return Key{}, false
	}
	return makeKey([keySize]byte(raw)), true
}

// OpenKeyFile reads the keys in the file. A file that other users may read is refused; access for its group, which
// Kubernetes grants on every file of a volume with an fsGroup, is removed if the process owns the file. If there is
// no file it creates one with a new key, complete and on disk before it returns, also if two processes start at once:
// then both read the same key.
func OpenKeyFile(path string) ([]Key, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err = makeKeyFile(path); err == nil {
			info, err = os.Stat(path)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	switch mode := info.Mode().Perm(); {
	case runtime.GOOS == "windows": // has no such modes
	case mode&0o007 != 0:
		return nil,
			fmt.Errorf("key file %s is open to others (mode %04o): make it 0600, and replace the key if another user may "+
				"have read it", path, mode)
	case mode&0o070 != 0:
		_ = os.Chmod(path, mode&^0o070) // fails where the file is another's, who gave it to the group
	}
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("key file: %w", err)
	}
	keys, err := ParseKeys(string(text))
	if err != nil {
		return nil, fmt.Errorf("key file %s: %w", path, err)
	}
	return keys, nil
}

const keyFileHead = `# Ostiary's key-encryption keys. They decrypt every secret in the database; without this file the secrets are lost:
# keep a copy apart from the database's.
# One key on a line (32 bytes in base64). The first one seals; the others only open. To replace it, put a new line first.
`

// makeKeyFile writes a new file aside and links it into place, which fails when another process was faster.
func makeKeyFile(path string) error {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, ".key-*") // 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	key := NewKey()
	_, err = file.WriteString(keyFileHead + base64.StdEncoding.EncodeToString(key.key[:]) + "\n" + NewInstallation + "\n")
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Link(file.Name(), path)
	}
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the file's name as durable as its content: a key that is lost in a crash takes all that it sealed
// along.
func syncDir(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // the operator's own path
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
