package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
)

// compress writes a gzipped copy of a file: the document is a hundredth of the binary otherwise.
func compress(from, to string) error {
	raw, err := os.ReadFile(from) //nolint:gosec // a tool of the build reads what its caller names
	if err != nil {
		return err
	}
	return writeCompressed(raw, to)
}

// compressAsJSON writes a YAML file as JSON, gzipped.
func compressAsJSON(from, to string) error {
	document, err := read(from)
	if err != nil {
		return err
	}
	raw, err := json.Marshal(document)
	if err != nil {
		return err
	}
	return writeCompressed(raw, to)
}

func writeCompressed(raw []byte, to string) error {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(raw); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(to, b.Bytes(), 0o600) //nolint:gosec // a tool of the build writes what its caller names
}
