// Package nodes runs several processes of the service on one database and holds them to behaving as one.
//
// Without the build tag mongodb the database is our own server (test/fixtures/mongowire), which is not MongoDB: then
// the tests hold what the nodes do, and nothing about MongoDB. With the tag it is what OSTIARY_TEST_MONGODB_URI names.
package nodes
