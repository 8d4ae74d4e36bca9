package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// sum writes the digests of files into the first one named: of what the generator of the models read, and of what it
// wrote from it. A test compares them, so that neither can change without the other, and needs no generator for it.
func sum(args []string) error {
	if len(args) < 2 {
		return errors.New("usage: bundle -sum FILE INPUT")
	}
	digests, err := digestsOf(args[1:])
	if err != nil {
		return err
	}
	return os.WriteFile(args[0], digests, 0o600) //nolint:gosec // a tool of the build writes what its caller names
}

// digestsOf returns a line for each file, as sha256sum prints it.
func digestsOf(files []string) ([]byte, error) {
	var lines bytes.Buffer
	for _, file := range files {
		raw, err := os.ReadFile(file) //nolint:gosec // as above
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&lines, "%x  %s\n", sha256.Sum256(raw), filepath.Base(file))
	}
	return lines.Bytes(), nil
}
