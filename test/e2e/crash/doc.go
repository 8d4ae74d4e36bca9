// Package crash kills the whole product in the midst of its work, again and again on one database, and holds it to what
// it had answered.
//
// Workers go through stories of every kind of change, each call with a request id of its own. An answered change must
// be there after the restart, with its entry in the audit log; a call without an answer must have done all of it or
// nothing; the log must prove itself.
package crash
