package ldapdir_test

import (
	"errors"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func isNotFound(err error) bool        { return errors.Is(err, domain.ErrSubjectNotFound) }
func isCurrentPassword(err error) bool { return errors.Is(err, domain.ErrCurrentPassword) }
func isUnavailable(err error) bool     { return errors.Is(err, domain.ErrDirectoryUnavailable) }

// refusal returns the reason of a refused new password, or the error in words.
func refusal(err error) string {
	if err == nil {
		return "taken"
	}
	if !errors.Is(err, domain.ErrPasswordPolicy) {
		return err.Error()
	}
	var reasons []string
	for _, d := range fault.Of(err).Details() {
		reasons = append(reasons, d.Field+" "+d.Reason)
	}
	return strings.Join(reasons, "; ")
}
