//go:build !mongodb

package nodes_test

import (
	"testing"

	"github.com/ostiary/ostiary/test/fixtures/mongowire"
)

// databaseURI starts our own server, which is not MongoDB.
func databaseURI(t *testing.T) string {
	t.Helper()
	return mongowire.Start(t).URI()
}
