// Package userimport takes users and roles over from other systems, with the password hashes that they have there.
//
// Each row stands for itself: a bad one is reported with its place and its reason, and the rest goes in. Running an import again
// changes nothing that is in already, so that one which was stopped half-way is simply run once more. Hashes keep working
// and are replaced by ours at each person's next sign-in.
package userimport
