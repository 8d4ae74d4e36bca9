//go:build !mongodb

package nodes_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/test/fixtures/mongowire"
)

// databaseURI starts our own server, which is not MongoDB.
func databaseURI(t *testing.T) string {
	t.Helper()
	return mongowire.Start(t).URI()
}

// The goal is five beside the one that finds the user; docs/mongodb.md says where the sixth comes from. What the whole
// product sends is counted, so that no step added to a sign-in goes unseen.
func TestGoldenASignInIsSevenRoundTrips(t *testing.T) {
	t.Parallel()
	server := mongowire.Start(t)
	n := startOn(t, 1, server.URI())[0]
	admin := n.signIn(t, adminName, adminPassword)
	n.user(t, admin, "ada")
	for range 2 { // the first sign-in makes the document of attempts
		token := n.signIn(t, "ada", userPassword)
		n.must(t, http.StatusOK, token, http.MethodPost, "/auth/logout", "")
	}
	server.Forget()
	n.signIn(t, "ada", userPassword)
	var sent []string
	for _, c := range server.Commands() {
		if partOfSignIn(c) {
			sent = append(sent, c.Name+" "+c.Collection)
		}
	}
	want := "find catalog, find users, update attempts, insert sessions, update users, insert audit, update attempts"
	if got := strings.Join(sent, ", "); got != want {
		t.Errorf("a sign-in sent %s; want %s", got, want)
	}
}

// partOfSignIn leaves out what goes on beside it: sealing, sweeping, and the clearing of outboxes after the answer.
func partOfSignIn(c mongowire.Command) bool {
	text := fmt.Sprint(c.Body)
	if strings.Contains(text, "outbox.id") || strings.Contains(text, "outbox.at") {
		return false
	}
	switch c.Collection {
	case "users", "sessions", "attempts", "catalog", "rates":
		return true
	case "audit":
		return c.Name == "insert"
	default:
		return false
	}
}
