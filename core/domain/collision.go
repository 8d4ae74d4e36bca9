package domain

import (
	"maps"
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
	holders := map[string][]string{}
	for i := range groups {
		key := groups[i].Key()
		holders[key] = append(holders[key], string(groups[i].ID))
	}
	var found []Collision
	for _, name := range slices.Sorted(maps.Keys(holders)) {
		if ids := holders[name]; len(ids) > 1 && len(found) < MaxCollisions {
			slices.Sort(ids)
			found = append(found, Collision{Kind: CollisionGroup, Name: name, Holders: ids})
		}
	}
	return found
}
