// Package settings manages the security settings.
//
// A patch contains the fields that change. It is applied atomically, validated after the merge against ranges that the
// error names, and audited with old and new values. A patch that would permanently lock users out, because it requires
// a second factor that no user could set up, is refused.
//
// The defaults are those of the API documentation, which require more of passwords than today's guidelines. The profile
// "nist" sets what NIST SP 800-63B-4 requires; [Advisories] lists each setting that deviates from it.
package settings
