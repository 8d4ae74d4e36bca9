package domain

import "time"

// RequireRecent returns nil where the policy asks for no recent proof of identity, and for a session whose person signed in
// or stepped up within the policy's minutes. The operator and the service itself are exempt. Anybody else is
// ErrReauthentication: an API key or a third-party token proves nothing about the presence of a person.
func (p *Principal) RequireRecent(policy SessionPolicy, now time.Time) error {
	if policy.ReauthenticateMinutes == 0 || p.Kind == PrincipalCLI || p.Kind == PrincipalSystem {
		return nil
	}
	if p.ProvedWithin(policy.ReauthenticateWithin(), now) {
		return nil
	}
	return ErrReauthentication
}

// ProvedWithin reports whether the person of a session proved who they are at most so long ago. The time is the session's,
// not the one that a token was issued with.
func (p *Principal) ProvedWithin(limit time.Duration, now time.Time) bool {
	return p.Kind == PrincipalUser && !p.AuthTime.IsZero() && now.Sub(p.AuthTime) <= limit
}
