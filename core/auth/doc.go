// Package auth signs people in and keeps them signed in.
//
// A login has four steps: the attempt is reserved (so that guessing is bounded whatever happens), a directory checks the
// password, the user's state and second factor are looked at, and a session starts. The session is live while its user
// lists it, so that one write ends it everywhere. Each session owns one refresh token family: using a refresh token replaces
// it, and using a replaced one ends the session, since two parties then hold the same secret.
//
// A request is authenticated by looking the session (or API key) up in its view, never by what a token claims about
// permissions.
package auth
