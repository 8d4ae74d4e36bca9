package ldapdir

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// answer is the server's response to a bind.
type answer struct {
	outcome domain.Outcome
	detail  string
}

// bind verifies a password and parses the response. The connection cannot be reused unless the outcome is OK.
func (c *client) bind(ctx context.Context, on *conn, name, password string) (answer, error) {
	req := ldap.NewSimpleBindRequest(name, password, nil)
	if !c.activeDirectory() {
		// Without the request control the server does not report expired passwords and passwords that must be
		// changed.
		req.Controls = []ldap.Control{ldap.NewControlBeheraPasswordPolicy()}
	}
	var res *ldap.SimpleBindResult
	err := on.do(ctx, func(l *ldap.Conn) error {
		var err error
		res, err = l.SimpleBind(req)
		return err
	})
	if isOutage(err) {
		return answer{}, err
	}
	if res != nil { // the control is also part of a refusal
		if a, ok := policyAnswer(res.Controls, err); ok {
			return a, nil
		}
	}
	return bindAnswer(err)
}

// The errors of the password policy control (draft-behera-ldap-password-policy-10 section 6.2).
const (
	policyPasswordExpired  = 0
	policyAccountLocked    = 1
	policyChangeAfterReset = 2
)

func policyAnswer(controls []ldap.Control, err error) (answer, bool) {
	policy, ok := ldap.FindControl(controls, ldap.ControlTypeBeheraPasswordPolicy).(*ldap.ControlBeheraPasswordPolicy)
	if !ok {
		return answer{}, false
	}
	switch {
	case isInactivated(err):
		return answer{}, false // 389 Directory Server reports a disabled account as locked here
	case policy.Error == policyAccountLocked:
		return answer{domain.OutcomeLocked, "password policy: account locked"}, true
	case policy.Error == policyPasswordExpired:
		return answer{domain.OutcomeExpired, "password policy: password expired"}, true
	case policy.Error == policyChangeAfterReset && err == nil:
		return answer{domain.OutcomeMustChange, "password policy: change after reset"}, true
	case policy.Grace >= 0 && err == nil:
		return answer{domain.OutcomeExpired, fmt.Sprintf("password policy: password expired, %d grace logins left",
			policy.Grace)}, true
	}
	return answer{}, false
}

// isInactivated reports whether 389 Directory Server refused an account that is disabled (nsAccountLock), which it does
// with any password.
func isInactivated(err error) bool {
	return hasCode(err, ldap.LDAPResultUnwillingToPerform) &&
		strings.Contains(strings.ToLower(diagnostic(err)), "inactivated")
}

var adSubcode = regexp.MustCompile(`\bdata ([0-9a-fA-F]+)\b`)

// adOutcomes are the Win32 errors in Active Directory's messages. All except 775 are only returned for the right
// password.
var adOutcomes = map[uint64]answer{
	0x525: {domain.OutcomeBadCredentials, "no such user"},
	0x52e: {domain.OutcomeBadCredentials, "wrong name or password"},
	0x530: {domain.OutcomeDisabled, "not allowed to sign in at this time"},
	0x531: {domain.OutcomeDisabled, "not allowed to sign in at this workstation"},
	0x532: {domain.OutcomeExpired, "password expired"},
	0x533: {domain.OutcomeDisabled, "account disabled"},
	0x701: {domain.OutcomeAccountExpired, "account expired"},
	0x773: {domain.OutcomeMustChange, "password must be changed"},
	0x775: {domain.OutcomeLocked, "account locked"},
}

// bindAnswer maps a result code. A code that is not about the password is an error.
func bindAnswer(err error) (answer, error) {
	text := diagnostic(err)
	switch {
	case err == nil:
		return answer{outcome: domain.OutcomeOK}, nil
	case hasCode(err, ldap.LDAPResultInvalidCredentials):
		if m := adSubcode.FindStringSubmatch(text); m != nil {
			code, _ := strconv.ParseUint(m[1], 16, 32)
			if a, ok := adOutcomes[code]; ok {
				return a, nil
			}
			return answer{domain.OutcomeBadCredentials, "refused with subcode " + m[1]}, nil
		}
		return answer{domain.OutcomeBadCredentials, "wrong name or password"}, nil
	case isInactivated(err):
		return answer{domain.OutcomeDisabled, text}, nil
	case hasCode(err, ldap.LDAPResultConstraintViolation):
		return answer{domain.OutcomeLocked, text}, nil // 389 Directory Server: "Exceed password retry limit"
	case hasCode(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInvalidDNSyntax,
		ldap.LDAPResultInappropriateAuthentication,
		ldap.LDAPResultUnwillingToPerform, ldap.LDAPResultNamingViolation, ldap.LDAPResultReferral):
		return answer{domain.OutcomeBadCredentials, "refused: " + text}, nil
	}
	return answer{}, &outageError{cause: fmt.Errorf("the server refuses password checks: %w", err)}
}
