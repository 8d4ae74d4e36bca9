// Package sqlitestore keeps everything in one SQLite file: the embedded default store.
//
// One goroutine writes. It takes whatever writes are waiting, runs each in a savepoint of one transaction, commits once and
// answers them all, so that requests that come together share one flush to the disk (see writer.go). Readers have a pool of
// connections of their own and never wait for it.
//
// Each thing is a JSON document beside the columns that queries need (migrations/). What the hot path looks at (sessions,
// their users, API keys, the catalog) also stands in memory: a write takes its place there after it was committed and before
// it is acknowledged (see view.go).
//
// A data directory belongs to one process at a time.
package sqlitestore
