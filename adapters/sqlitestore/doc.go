// Package sqlitestore implements the storage ports with one SQLite database file. It is the embedded default store.
//
// One goroutine writes at a time. It takes all waiting writes, runs each in a savepoint of one transaction, commits
// once and completes them all, so that concurrent requests share one flush to the disk (see writer.go). Readers use a
// separate pool of connections and never wait for the writer.
//
// Each record is a JSON document with additional columns for the indexes of queries (migrations/). The records that
// most requests read (sessions, their users, API keys, the catalog) are also cached in memory. A write updates the
// cache after the commit and before it is acknowledged (see view.go). An LRU cache, as mongostore and keyring have it,
// may serve a stale value and locks on every read; this one never serves a stale value and is sharded. The cache of
// attempts is the reverse: most of its changes are written later.
//
// A lock file restricts a data directory to one process at a time.
//
// # The search of users
//
// The search index (search.go) is a full-text index of FTS5 over the substrings of one to three characters of each
// user's search text, with a word for the facet (role, status and directory) and for each group of the user. The list
// of users (users_plan.go) reads it, an ordered index, or a group, whichever reads fewer users. For a long term it
// reads the users with the three rarest pieces, and compares their texts.
//
// The index has the matches in the order of creation. In another order (users_search.go) few matches are sorted. Of
// many, the first are mostly near in the order: some users are read. If the page is not full then, either nearly all
// matches have names that begin with the term, so that they are together in the order of names, or the order is read
// with the set of all matches in memory.
//
// The trigram tokenizer of FTS5 was measured in its place, at 100,000 users. Terms of three characters cost the same
// (1.06 ms to count 10,000 matches). The count of a long term takes 0.4 to 0.8 of the time, since the index alone
// decides. But it finds no term of two characters, which a scan of the table finds in 240 ms instead of 0.05 ms. It
// holds no facets, so that the count of a term together with a status takes 330 ms instead of 2.8 ms. And adding each
// user in the transaction of its change takes 0.8 ms more than the change without an index (0.25 ms), so it needs the
// queue of pending users as well.
//
// # Limits
//
// Every bound limit is LIMIT 0+?. SQLite takes the value of a plain LIMIT ? into account in the plan, and plans the
// query anew for each value, which takes longer than reading the page.
//
// # Attempts
//
// Pending attempts stay in memory between flushes (attemptstore_cache.go). Writing a reservation and its release, even
// without a flush to the disk, raises the processor time of a sign-in beside the password hash by a quarter.
package sqlitestore
