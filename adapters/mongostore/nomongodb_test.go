//go:build !mongodb

package mongostore_test

// testsMongoDB tells whether the tests that need MongoDB are built in.
const testsMongoDB = false
