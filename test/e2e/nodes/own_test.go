package nodes_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// What the whole product sends before it answers is counted, so that no step added to a sign-in goes unseen: five
// beside the one that finds the user, with the limit of sign-ins on, however many sessions live.
func TestGoldenASignInIsFiveRoundTripsBesideTheOneThatFindsTheUser(t *testing.T) {
	t.Parallel()
	server := mongotap.StartNew(t)
	n := startOn(t, 1, tapped(server), "OSTIARY_RATE_LIMITS_LOGIN=1000/1h")[0]
	admin := n.signIn(t, adminName, adminPassword)
	n.user(t, admin, "ada")
	n.signIn(t, "ada", userPassword) // the first from here makes the place familiar
	const want = "findAndModify rates, aggregate catalog, update attempts, insert sessions, update users, insert audit"
	for others := 1; others <= 8; others++ { // other live sessions, of which five may be
		server.Forget()
		n.signIn(t, "ada", userPassword)
		sent := signInOf(server.Commands())
		if got := strings.Join(sent, ", "); got != want {
			t.Errorf("beside %d other sessions a sign-in sent %s; want %s", others, got, want)
		}
		waitForRelease(t, server)
	}
}

// signInOf returns what was sent up to the entry of the sign-in, which is the last that the answer waits for.
func signInOf(commands []mongotap.Command) []string {
	var sent []string
	for _, c := range commands {
		if !partOfSignIn(c) {
			continue
		}
		sent = append(sent, c.Name+" "+c.Collection)
		if c.Collection == "audit" {
			break
		}
	}
	return sent
}

// waitForRelease waits until the attempt of the previous sign-in has been released, which is asynchronous.
func waitForRelease(t *testing.T, server *mongotap.Server) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		updates := 0
		for _, c := range server.Commands() {
			if c.Name == "update" && c.Collection == "attempts" {
				updates++
			}
		}
		if updates == 2 {
			return
		}
	}
	t.Fatal("an attempt was not given back")
}

// partOfSignIn leaves out what goes on beside it: sealing, sweeping, and the clearing of outboxes after the answer.
func partOfSignIn(c mongotap.Command) bool {
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
