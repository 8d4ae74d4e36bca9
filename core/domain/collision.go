package domain

import (
	"cmp"
	"slices"
)

// CollisionKind is the rule that two objects with the same name violate.
type CollisionKind string

// The kinds of collisions. Both predate the rule: no store accepts new ones.
const (
	// CollisionUser is a username that is another user's email; a login with it selects the user with the username.
	CollisionUser CollisionKind = "user"
	// CollisionGroup is a name that several groups have without regard to case and spaces.
	CollisionGroup CollisionKind = "group"
)

// MaxCollisions is the maximum number of listed collisions of each kind.
const MaxCollisions = 1000

// Collision is a name that several objects have. Holders are their IDs; for users, the one with the username comes
// first.
type Collision struct {
	Kind    CollisionKind
	Name    string
	Holders []string
}

// GroupCollisions returns the names that several groups have without regard to case.
func GroupCollisions(groups []Group) []Collision {
	groups = slices.Clone(groups)
	slices.SortFunc(groups, func(a, b Group) int { return cmp.Or(cmp.Compare(a.Key(), b.Key()), cmp.Compare(a.ID, b.ID)) })
	var found []Collision
	for first := 0; first < len(groups); {
		end := first + 1
		for end < len(groups) && groups[end].Key() == groups[first].Key() {
			end++
		}
		if end-first > 1 && len(found) < MaxCollisions {
			c := Collision{Kind: CollisionGroup, Name: groups[first].Key()}
			for _, g := range groups[first:end] {
				c.Holders = append(c.Holders, string(g.ID))
			}
			found = append(found, c)
		}
		first = end
	}
	return found
}
