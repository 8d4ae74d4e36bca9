package domain

import (
	"crypto/sha256"
	"fmt"
)

// AttemptAccountPrefix precedes the ID of a user in the account of their attempts.
const AttemptAccountPrefix = "user:"

// AttemptAccount returns the account that attempts on a user count against.
func AttemptAccount(id UserID) string { return AttemptAccountPrefix + string(id) }

// AttemptAccountOfName returns the account that attempts on an unknown name count against. It does not contain the
// name, since people sometimes type their password into the name field.
func AttemptAccountOfName(key string) string {
	sum := sha256.Sum256([]byte(key))
	return fmt.Sprintf("name:%x", sum[:16])
}
