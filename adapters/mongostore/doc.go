// Package mongostore implements the storage ports on MongoDB, so that any number of nodes share one installation.
//
// There are no multi-document transactions. Every decision is one conditional write of one document, so it is atomic on
// a standalone server, a replica set and a sharded cluster alike:
//
//   - An entity is one document {_id, v, doc, outbox}. An update reads it, applies the change and writes it back if v
//     is unchanged (table.update); after a lost race it reads again. The first attempt uses the document cache, which
//     saves the read; the condition makes a stale document harmless. It is an LRU cache, as that of verified tokens in
//     keyring. The catalog is cached apart from it, since every request reads it: as one decoded value, by its version.
//   - A decision that can be expressed as a condition needs no read: consuming a single-use token, a rate limit,
//     leaving the guard of administrators.
//   - Audit entries and messages are stored in the outbox of the changed document, in the same write. The same call
//     then inserts them into their collections under their own IDs, so that delivery is idempotent, and the outbox is
//     cleared afterwards (outbox.go). A sweeper on every node completes the work of a crashed node (sweep.go).
//   - A deletion first replaces the document with a tombstone that carries the outbox. The tombstone is removed last.
//   - If the reply to a sent command is lost, the result is unknown: fault.ErrStorage. A single-use token counts as
//     consumed then.
//
// An update of attempts that no caller waits for (attemptstore.go) is written by a goroutine that holds the account's
// lock: it saves a sign-in one round trip with a majority write.
//
// Decisions are written with {w: "majority", j: true} and read from the primary with read concern majority. Writes that
// may be lost say so in their comments. Verifying a session is one round trip that reads the session, the user and the
// catalog's version (view.go), from a server that a majority has recently confirmed as the primary (lease.go).
//
// # Collections and shard keys
//
//	sessions     {_id: "hashed"}     looked up by session id on every request
//	audit        {_id: "hashed"}     inserted by id; lists query all shards and merge by time
//	attempts     {_id: "hashed"}     one document for each account
//	rates        {_id: "hashed"}     one document for each limit and key
//	once         {_id: "hashed"}     one document for each single-use token
//	idempotency  {_id: "hashed"}
//	api_keys     {_id: "hashed"}     looked up by key id on every request that carries one
//	users        not sharded         unique by username, e-mail, subject and identifier, which no shard key can enforce;
//	                                 a million users are a few gigabytes
//	messages     not sharded         workers claim by due time, which is no shard key; it is empty most of the time
//	catalog, guards, tokens, keys, segments, meta   not sharded: small
//
// Every unique index is on _id or on an unsharded collection, so sharding can be enabled later.
//
// # The portable subset
//
// The package uses only what MongoDB 6 to 8, Amazon DocumentDB and FerretDB 2 have in common: no transactions, no
// change streams, no collation (case-folded keys are stored), no pipelines in updates, no array filters, $lookup by
// equality or uncorrelated only, partial unique indexes for optional fields. docs/mongodb.md lists which tests ran on
// which server.
package mongostore
