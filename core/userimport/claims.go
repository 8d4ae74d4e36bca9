package userimport

import (
	"hash/maphash"

	"github.com/ostiary/ostiary/core/domain"
)

// claims are the users whom the earlier rows of a dry run would have created, by hashes of their names and addresses.
type claims struct {
	seed  maphash.Seed
	users map[uint64]claimed
}

// claimed are hashes of what identifies a user.
type claimed struct{ username, email, identifier uint64 }

func newClaims() *claims { return &claims{maphash.MakeSeed(), map[uint64]claimed{}} }

func (c *claims) hash(text string) uint64 { return maphash.String(c.seed, text) }

func (c *claims) of(u *domain.User) claimed {
	return claimed{c.hash(u.UsernameKey), c.hash(u.EmailKey), c.hash(u.Identifier)}
}

func (c *claims) add(u *domain.User) {
	of := c.of(u)
	c.users[of.username], c.users[of.email] = of, of
}

// find returns the user with the name or address.
func (c *claims) find(key string) (claimed, bool) {
	found, ok := c.users[c.hash(key)]
	return found, ok
}
