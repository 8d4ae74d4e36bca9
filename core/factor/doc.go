// Package factor is the second proof of who somebody is: codes of an authenticator app, codes by SMS, and backup codes.
//
// A factor is enrolled, activated by its first right code, then asked for at each login (Challenge, Verify) until it is
// disabled. Nothing is on before Activate has succeeded, and an enrolment never replaces what is on.
//
// Every code works once: the time step of an app's code and the digest of a sent or backup code are burned in the one
// write that accepts them. Wrong codes are counted for each user over all calls and all sources together, apart from the count
// of wrong passwords, and a right password does not reset them.
package factor
