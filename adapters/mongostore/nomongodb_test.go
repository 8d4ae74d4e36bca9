//go:build !mongodb

package mongostore_test

// testsMongoDB reports whether the tests that need MongoDB are compiled in.
const testsMongoDB = false
