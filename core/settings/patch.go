package settings

import (
	"fmt"
	"maps"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// Patch maps the names of settings, as in domain.SecuritySettings, to new values: an int, a bool or a []string, which
// replaces the current list. Profile is a name as well.
type Patch map[string]any

// Profile is the member of a patch that applies a profile first: ProfileNIST.
const Profile = "profile"

// ProfileNIST is the profile according to NIST SP 800-63B-4: long passwords without expiry or composition rules.
const ProfileNIST = "nist"

// NIST returns the patch of the profile.
func NIST() Patch {
	return Patch{
		"password_policy.min_length": 15, "password_policy.expiry_days": 0,
		"password_policy.require_uppercase": false, "password_policy.require_lowercase": false,
		"password_policy.require_numbers": false, "password_policy.require_special": false,
	}
}

// apply applies the patch to the settings. The profile comes first, so that single settings can differ from it.
func (p Patch) apply(s *domain.Settings) error {
	all := Patch{}
	if profile, ok := p[Profile]; ok {
		if profile != ProfileNIST {
			return errUnknownProfile
		}
		all = NIST()
	}
	maps.Copy(all, p)
	delete(all, Profile)
	for name, value := range all {
		if !s.Set(name, value) {
			return fault.ErrInternal.Because(fmt.Errorf("the setting %s cannot be a %T", name, value))
		}
	}
	return nil
}
