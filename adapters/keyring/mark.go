package keyring

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// StoreState is what is known of the store whose secrets are sealed under the keys of a key file.
type StoreState int

// The states of a store.
const (
	// StoreUnknown is the state where nothing says more, as with the key files of earlier versions.
	StoreUnknown StoreState = iota
	// StoreNew is the state of a key whose store has not been set up yet.
	StoreNew
	// StoreSetUp is the state of a store that has its tables and the key of its audit log.
	StoreSetUp
	// StoreInUse is the state of a store that has users.
	StoreInUse
)

// StoreMark is a comment in a key file about the store that belongs to it. A copy of the key file includes the mark,
// so that an empty database beside it is not mistaken for a new installation.
type StoreMark struct {
	State StoreState
	ID    string // of the store; empty while it is new
}

// NewInstallation is the line that permits a new store under a key.
const NewInstallation = "# new installation"

const markStore = "# store "

// markEnds maps the states of a store with an id to the ends of their lines.
var markEnds = map[StoreState]string{StoreSetUp: " is set up", StoreInUse: " has users"}

// ReadStoreMark returns the mark in the file: the last one counts. A file that is not there has none.
func ReadStoreMark(path string) (StoreMark, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator's own path
	if errors.Is(err, fs.ErrNotExist) {
		return StoreMark{}, nil
	}
	if err != nil {
		return StoreMark{}, fmt.Errorf("reading the mark of the store: %w", err)
	}
	var mark StoreMark
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == NewInstallation {
			mark = StoreMark{State: StoreNew}
		}
		rest, ok := strings.CutPrefix(line, markStore)
		for state, end := range markEnds {
			if id, ends := strings.CutSuffix(rest, end); ok && ends {
				mark = StoreMark{State: state, ID: id}
			}
		}
	}
	return mark, nil
}

// AppendStoreMark appends a mark to the file, which it creates where there is none. What the file holds is never
// written again: a crash cannot lose a key.
func AppendStoreMark(path string, mark StoreMark) error {
	line := NewInstallation
	if end, ok := markEnds[mark.State]; ok {
		line = markStore + mark.ID + end
	}
	file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return fmt.Errorf("marking the store: %w", err)
	}
	// The line break in front ends a last line that has none.
	if _, err = file.WriteString("\n" + line + "\n"); err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("marking the store: %w", err)
	}
	return nil
}
