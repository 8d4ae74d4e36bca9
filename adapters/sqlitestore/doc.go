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
package sqlitestore
