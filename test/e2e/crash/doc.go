// Package crash kills the program in the midst of its work, or the MongoDB under it, again and again on one database,
// and tests that what was answered is so.
//
// Workers go through stories of every kind of change, each call with a request id of its own. An answered change must
// be there after the restart, with its entry in the audit log; a call without an answer must have done all of it or
// nothing; the log must prove itself.
package crash
