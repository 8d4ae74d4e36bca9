package usersapi

import (
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/rolepolicy"
)

// The texts that existing clients look for: with either of the first two, a web client logs its person out.
var (
	errKeyMissing   = fault.New(fault.Unauthenticated, "unauthorized", "Key is missing.")
	errInvalidToken = fault.New(fault.Unauthenticated, "unauthorized", "Invalid token")
	errCredentials  = fault.New(fault.Forbidden, "authentication_error", "Invalid credentials").
			With("error_type", "authentication_error").
			With("details", "The provided username/email or password is incorrect.")
	errTwoFactor = fault.New(fault.Forbidden, "two_factor_required", "Two-factor code required").With("error_type",
		"two_factor_required")
	errExpired = fault.New(fault.Forbidden, "password_expired", "Password expired").With("error_type", "password_expired")
	errLocked  = fault.New(fault.Locked, "account_locked", "Invalid credentials").
			With("error_type", "authentication_error").
			With("details", "The provided username/email or password is incorrect.")
	errEnrollment = fault.New(fault.Forbidden, "two_factor_enrollment_required",
		"Two-factor authentication must be set up first").
		With("error_type", "two_factor_enrollment_required")
)

// tokenFailure makes "Invalid token" of whatever is wrong with one, and keeps an outage what it is.
func tokenFailure(err error) error {
	if err != nil && fault.Of(err).Kind == fault.Unauthenticated {
		return errInvalidToken.Because(err)
	}
	return err
}

// loginFailure turns the failure of a login into this API's: a wrong password is never a 401, which would log clients
// out.
func loginFailure(err error) error {
	f := fault.Of(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, domain.ErrTwoFactorRequired):
		return errTwoFactor
	case errors.Is(err, domain.ErrPasswordExpired):
		return errExpired
	case f.Kind == fault.Locked:
		return errLocked.With("locked_until", f.Extra()["locked_until"]).After(f.RetryAfter())
	case f.Kind == fault.Unauthenticated, f.Kind == fault.Invalid:
		return errCredentials.Because(err)
	}
	return err
}

const missingText = " Missing required parameter in the JSON body or the post body or the query string"

// errMissing is the failure of absent fields: it has a shape of its own.
var errMissing = fault.New(fault.Invalid, "validation_error", "Input payload validation failed")

// failure writes {"message":…} with what some failures add. An outage says neither what is out nor why: existing
// clients open a form for the database's address when they read of one.
func failure(f *fault.Error, _ string) ([]byte, error) {
	f = inWords(f)
	body := map[string]any{"message": message(f)}
	for key, value := range f.Extra() {
		if key != "methods" && key != "change_token" {
			body[key] = value
		}
	}
	switch {
	case f.Kind == fault.Unavailable, f.Kind == fault.Internal:
		body["error_type"] = "server_error"
	case f.Is(domain.ErrReauthentication):
		body["error_type"] = f.Code
	case f.Is(rolepolicy.ErrTaken):
		body["error_type"] = "validation_error"
		body["details"] = f.Message
	}
	// The library for answers leaves < and > as they are; encoding/json would write them as escapes, which is not the text
	// that clients compare.
	return json.Marshal(body, json.Deterministic(true))
}

func message(f *fault.Error) string {
	switch {
	case f.Kind == fault.Unavailable:
		return "Service temporarily unavailable"
	case f.Kind == fault.MethodNotAllowed:
		return "The method is not allowed for the requested URL."
	case f.Is(domain.ErrEnrollmentRequired):
		return errEnrollment.Message
	}
	var reasons []string
	for _, d := range f.Details() {
		reasons = append(reasons, d.Field+": "+d.Reason)
	}
	if len(reasons) > 0 && !f.Is(rolepolicy.ErrTaken) {
		return f.Message + ": " + strings.Join(reasons, "; ")
	}
	return f.Message
}
