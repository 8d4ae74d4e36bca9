//go:build mongodb

package nodes_test

import (
	"os"
	"testing"
)

// databaseURI returns the address of a real MongoDB. The database of each test has its own name and stays behind.
func databaseURI(t *testing.T) string {
	t.Helper()
	uri := os.Getenv("OSTIARY_TEST_MONGODB_URI")
	if uri == "" {
		t.Fatal("OSTIARY_TEST_MONGODB_URI names no server: these tests need a real one")
	}
	return uri
}
