// Package auth implements login, refresh, logout and step-up, and authenticates requests.
//
// A login has four steps: it reserves an attempt (which bounds password guessing in all cases), a directory verifies
// the password, the user's status and second factor are checked, and a session starts. A session is live while its user
// record lists it, so that one write ends it everywhere. Each session owns one refresh token family: using a refresh
// token replaces it, and using a replaced one ends the session, since two parties then hold the same secret.
//
// Authenticate looks up the session (or API key) of a request in its view. It never trusts what a token claims about
// permissions.
package auth
