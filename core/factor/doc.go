// Package factor implements the second factor of authentication: TOTP codes of an authenticator app, codes by SMS, and
// backup codes.
//
// A factor is enrolled, activated by its first correct code, and then required at each login (Challenge, Verify) until
// it is disabled. A factor has no effect before Activate has succeeded, and an enrollment never replaces an active
// factor.
//
// Every code works once: the write that accepts it also consumes the time step of a TOTP code, or the digest of a sent
// or backup code. Wrong codes are counted per user over all calls and all sources together, separately from wrong
// passwords, and a correct password does not reset the count.
package factor
