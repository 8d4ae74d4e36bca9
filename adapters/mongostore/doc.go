// Package mongostore keeps everything in MongoDB, so that any number of nodes share one installation.
//
// There are no multi-document transactions. Every decision is one conditional write of one document, so it holds on a
// standalone server, a replica set and a sharded cluster alike:
//
//   - A thing is one document {_id, v, doc, outbox}. An update reads it, applies the change and writes it back if v is still
//     the same (table.update); a lost race reads again. What the process has just seen of a document is tried first, which
//     saves the read; the condition makes a stale guess harmless.
//   - What can be said as a condition needs no read at all: taking a single-use thing, a rate, leaving the guard of
//     administrators.
//   - Audit entries and messages ride in the outbox of the document that changes, in the same write. The same call then
//     inserts them where they belong, under their own ids, so that doing it twice is doing it once; afterwards the outbox is
//     cleared (outbox.go). A sweeper on every node finishes what a crash left (sweep.go).
//   - A deleted thing first becomes a tombstone that carries the outbox; the tombstone goes last.
//   - An answer that got lost after the command was sent means that nobody knows: fault.ErrStorage. A single-use thing counts
//     as burned then.
//
// Decisions are written with {w: "majority", j: true} and read from the primary with read concern majority; what may be lost
// says so where it is written. Verifying a session is one round trip that brings session, user and the catalog's version
// (view.go), from a primary that a majority has lately proved to be one (lease.go).
//
// # Collections and shard keys
//
//	sessions     {_id: "hashed"}     looked up by session id on every request
//	audit        {_id: "hashed"}     written once by id; lists are scattered to all shards and merged by time
//	attempts     {_id: "hashed"}     one document for each account
//	rates        {_id: "hashed"}     one document for each limit and key
//	once         {_id: "hashed"}     one document for each single-use thing
//	idempotency  {_id: "hashed"}
//	api_keys     {_id: "hashed"}     looked up by key id on every request that carries one
//	users        not sharded         unique by username, e-mail, subject and identifier, which a shard key cannot keep; a million
//	                                 users are a few gigabytes
//	messages     not sharded         a worker takes whichever is due, which is no shard key; it is empty most of the time
//	catalog, guards, tokens, keys, segments, meta   not sharded: small
//
// Every unique index is on _id or on an unsharded collection, so sharding is a choice that can be made later.
//
// # The portable subset
//
// Only what MongoDB 6 to 8, Amazon DocumentDB and FerretDB 2 share is used: no transactions, no change streams, no collation
// (folded keys are stored), no pipelines in updates, no array filters, $lookup by equality or uncorrelated only, partial unique
// indexes for optional fields. docs/mongodb.md says what was run against what.
package mongostore
