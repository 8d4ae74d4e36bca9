package ldapdir

import (
	"context"
	"hash/fnv"
	"slices"

	"github.com/go-ldap/ldap/v3"
)

// graph holds the groups of the directory for a listing of all people: querying the server for each person's groups
// would take at least one search per person.
type graph struct {
	dns     []string           // by index
	above   [][]int32          // the groups that name a group
	byDN    map[uint64]int32   // a group's index by its DN
	byValue map[uint64][]int32 // the groups that name a member, in mode search
	bySID   map[string]int32
	stamp   uint64 // changes whenever a group does
}

func hashOf(parts ...string) uint64 {
	h := fnv.New64a()
	for _, p := range parts {
		_, _ = h.Write([]byte(p))
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64()
}

// loadGraph reads all groups. Members are stored as hashes, so that a hundred thousand of them take a few megabytes.
func (c *client) loadGraph(ctx context.Context, on *conn, stampAttribute string) (*graph, error) {
	g := &graph{byDN: map[uint64]int32{}, byValue: map[uint64][]int32{}, bySID: map[string]int32{}}
	if c.settings.Groups.Mode == GroupsNone {
		return g, nil
	}
	byMember := c.settings.Groups.Mode == GroupsSearch
	attributes := []string{stampAttribute, "memberOf", "objectSid"}
	if byMember {
		attributes = []string{stampAttribute, c.settings.Groups.MemberAttribute}
		if c.activeDirectory() {
			attributes[1] += ";range=0-1499" // the same code path on servers that would send all at once
		}
	}
	parents := map[int32][]string{}
	w := walk{base: c.settings.Groups.BaseDN, filter: c.settings.Groups.Filter, attributes: attributes}
	var long []*ldap.Entry
	err := c.walk(ctx, on, w, func(entries []*ldap.Entry) error {
		for _, e := range entries {
			i := g.add(e, e.GetEqualFoldAttributeValue(stampAttribute))
			if !byMember {
				parents[i] = e.GetEqualFoldAttributeValues("memberOf")
				continue
			}
			if next, got := rangeOf(e, c.settings.Groups.MemberAttribute); next < 0 {
				g.members(i, got, c.settings.Groups.MemberValue)
			} else {
				long = append(long, &ldap.Entry{DN: e.DN, Attributes: e.Attributes})
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for _, e := range long { // not between the pages: servers may allow one paged search per connection
		all, err := values(ctx, on, e, c.settings.Groups.MemberAttribute)
		if err != nil {
			return nil, err
		}
		g.members(g.byDN[hashOf(foldDN(e.DN))], all, c.settings.Groups.MemberValue)
	}
	g.connect(parents)
	return g, nil
}

func (g *graph) add(e *ldap.Entry, stamp string) int32 {
	i := int32(len(g.dns)) //nolint:gosec // no directory has that many groups
	key := hashOf(foldDN(e.DN))
	g.dns = append(g.dns, e.DN)
	g.byDN[key] = i
	g.stamp ^= hashOf(foldDN(e.DN), stamp)
	if sid := e.GetEqualFoldRawAttributeValue("objectSid"); len(sid) > 0 {
		g.bySID[string(sid)] = i
	}
	return i
}

func (g *graph) members(group int32, all []string, kind string) {
	for _, m := range all {
		if kind == "dn" {
			m = foldDN(m)
		}
		key := hashOf(m)
		g.byValue[key] = append(g.byValue[key], group)
	}
}

// connect converts the groups' own memberships to edges.
func (g *graph) connect(parents map[int32][]string) {
	g.above = make([][]int32, len(g.dns))
	for i := range g.dns {
		if direct, ok := parents[int32(i)]; ok {
			g.above[i] = g.indexes(direct)
		} else {
			g.above[i] = g.byValue[hashOf(foldDN(g.dns[i]))]
		}
	}
}

func (g *graph) indexes(dns []string) []int32 {
	var found []int32
	for _, dn := range dns {
		if i, ok := g.byDN[hashOf(foldDN(dn))]; ok {
			found = append(found, i)
		}
	}
	return found
}

// groupsOf returns the groups of one person.
func (g *graph) groupsOf(c *client, e entry) []string {
	mode := c.settings.Groups
	seen := g.direct(c, e)
	if mode.Nested && (mode.Mode != GroupsSearch || mode.MemberValue == "dn") {
		seen = g.climb(seen)
	}
	slices.Sort(seen)
	var dns []string
	for _, i := range slices.Compact(seen) {
		dns = append(dns, g.dns[i])
	}
	return dns
}

// direct returns the groups that name a person, or that the person names. The caller owns the slice.
func (g *graph) direct(c *client, e entry) []int32 {
	switch mode := c.settings.Groups; {
	case mode.Mode == GroupsNone:
		return nil
	case mode.Mode == GroupsSearch && mode.MemberValue == "username":
		return slices.Clone(g.byValue[hashOf(e.GetEqualFoldAttributeValue(c.settings.Attributes.Username))])
	case mode.Mode == GroupsSearch:
		return slices.Clone(g.byValue[hashOf(foldDN(e.DN))])
	}
	found := g.indexes(e.GetEqualFoldAttributeValues("memberOf"))
	sid := primaryGroupSID(e.GetEqualFoldRawAttributeValue("objectSid"), e.GetEqualFoldAttributeValue("primaryGroupID"))
	if i, ok := g.bySID[string(sid)]; ok {
		found = append(found, i)
	}
	return found
}

// climb adds the parent groups.
func (g *graph) climb(seen []int32) []int32 {
	for next := 0; next < len(seen); next++ {
		for _, up := range g.above[seen[next]] {
			if !slices.Contains(seen, up) {
				seen = append(seen, up)
			}
		}
	}
	return seen
}
