// Package settings keeps the security settings.
//
// A patch names the fields that change; it is applied whole or not at all, checked after the merge against bounds that the
// refusal names, and audited with old and new values. A patch that would lock people out for good, because a second factor is
// demanded that nobody could set up, is refused.
//
// The defaults are those of the API's documentation, which ask for more of passwords than today's advice does. The profile
// "nist" sets what NIST SP 800-63B-4 asks for; [Advisories] names each setting that strays from it.
package settings
