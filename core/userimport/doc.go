// Package userimport imports users and roles from other systems, with their existing password hashes.
//
// Rows are independent: an invalid row is reported with its position and the reason, and the others are imported. An
// import is idempotent, so that an interrupted one is simply run again. Imported hashes keep working and are replaced
// by ours at each user's next sign-in.
package userimport
