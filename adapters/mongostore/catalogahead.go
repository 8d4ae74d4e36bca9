package mongostore

import (
	"context"
	"strings"
)

// catalogAhead is the version of a catalog that is in memory, and the position of the log that it includes.
type catalogAhead struct {
	position int64
	version  int64
}

func isCatalogKey(key string) bool { return strings.HasPrefix(key, catalogName+"/") }

// apply applies a state of the log; see observe. A change of the catalog is read before it is applied: verifications
// use the earlier catalog until then, and the later one from then on. So the change waits for the nodes, and no
// verification waits for the catalog.
//
// The version is cached if the position of the read is at least as new as the one that is applied then. This is
// stricter than rule 6 in cluster.go: the read includes every invalidation that was applied before or meanwhile.
func (c *cluster) apply(ctx context.Context, state clusterState, least int64) []wait {
	return c.observe(state, least, c.readAhead(ctx, state))
}

// readAhead reads what has changed in the catalog up to the state. After a failure, or if too much has changed, the
// next verification reads it. It does not wait for a verification that does: other invalidations wait for readAhead.
func (c *cluster) readAhead(ctx context.Context, state clusterState) catalogAhead {
	ids := c.changedIDs(state)
	if len(ids) == 0 || !c.live() {
		return catalogAhead{}
	}
	held := c.s.catalog.current.Load()
	if held == nil {
		return catalogAhead{}
	}
	next, position, ok, err := c.s.readChanges(ctx, held, ids)
	if err != nil || !ok {
		return catalogAhead{}
	}
	c.s.catalog.keep(next)
	return catalogAhead{position: position, version: next.catalog.Version}
}

// changedIDs returns the IDs of the documents of the catalog that have changed between the last state and this one.
func (c *cluster) changedIDs(state clusterState) (ids []string) {
	c.mu.Lock()
	missed := state.Number - c.applied
	c.mu.Unlock()
	if missed <= 0 || missed > int64(len(state.Recent)) {
		return nil
	}
	for _, key := range state.Recent[int64(len(state.Recent))-missed:] {
		if isCatalogKey(key) {
			ids = append(ids, key[len(catalogName)+1:])
		}
	}
	return ids
}
