package domain

import "time"

// RequireRecent returns nil if the policy requires no recent proof of identity, or if the user of the session logged in
// or stepped up within the policy's minutes. The operator and the service itself are exempt. Any other principal gets
// ErrReauthentication: an API key or a third-party token does not prove the presence of a person.
func (p *Principal) RequireRecent(policy SessionPolicy, now time.Time) error {
	if policy.ReauthenticateMinutes == 0 || p.Kind == PrincipalCLI || p.Kind == PrincipalSystem {
		return nil
	}
	if p.ProvedWithin(policy.ReauthenticateWithin(), now) {
		return nil
	}
	return ErrReauthentication
}

// ProvedWithin reports whether the user of a session proved their identity within limit. The time is the session's, not
// the one at which a token was issued.
func (p *Principal) ProvedWithin(limit time.Duration, now time.Time) bool {
	return p.Kind == PrincipalUser && !p.AuthTime.IsZero() && now.Sub(p.AuthTime) <= limit
}
