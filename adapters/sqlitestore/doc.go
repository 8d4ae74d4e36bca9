// Package sqlitestore implements the storage ports with one SQLite database file. It is the embedded default store.
//
// One goroutine writes at a time. It takes all waiting writes, runs each in a savepoint of one transaction, commits
// once and completes them all, so that concurrent requests share one flush to the disk (see writer.go). Readers use a
// separate pool of connections and never wait for the writer.
//
// Each record is a JSON document with additional columns for the indexes of queries (migrations/). The records that
// most requests read (sessions, their users, API keys, the catalog) are also cached in memory. A write updates the
// cache after the commit and before it is acknowledged (see view.go).
//
// A lock file restricts a data directory to one process at a time.
package sqlitestore
