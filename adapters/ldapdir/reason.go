package ldapdir

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// hexPrefix is the Win32 error at the start of Active Directory's messages.
var hexPrefix = regexp.MustCompile(`^([0-9A-Fa-f]{8}):`)

// passwordError converts the server's refusal of a change to an error of the domain.
func passwordError(err error) error {
	if err == nil || isOutage(err) {
		return err
	}
	text := diagnostic(err)
	code := ""
	if m := hexPrefix.FindStringSubmatch(text); m != nil {
		code = strings.ToUpper(m[1])
	}
	switch {
	case code == "00000056":
		return domain.ErrCurrentPassword.Because(errors.New(text))
	case hasCode(err, ldap.LDAPResultConstraintViolation, ldap.LDAPResultUnwillingToPerform):
		return domain.ErrPasswordPolicy.About("new_password", reason(code, text)).Because(errors.New(text))
	case hasCode(err, ldap.LDAPResultInvalidCredentials):
		return domain.ErrCurrentPassword.Because(errors.New(text))
	case hasCode(err, ldap.LDAPResultInsufficientAccessRights):
		return domain.ErrPasswordManagedExternally.Because(fmt.Errorf("%w: %s", errRefused, text))
	}
	return err
}

// reasons maps parts of servers' messages about refused passwords, in lower case.
var reasons = []struct{ piece, reason string }{
	{"history", "was used before"},
	{"already used", "was used before"},
	{"not being changed", "was used before"},
	{"too short", "is too short"},
	{"shorter than", "is too short"},
	{"characters long", "is too short"},
	{"too young", "cannot be changed again so soon"},
	{"too early", "cannot be changed again so soon"},
	{"minimum age", "cannot be changed again so soon"},
	{"quality", "does not meet the directory's quality requirements"},
	{"complexity", "does not meet the directory's complexity requirements"},
}

// reason returns the server's reason as text for people. A message of Active Directory that names no rule contains
// only codes; Windows never names one.
func reason(code, text string) string {
	lower := strings.ToLower(text)
	for _, r := range reasons {
		if strings.Contains(lower, r.piece) {
			return r.reason
		}
	}
	switch {
	case code != "":
		return "does not meet the directory's password policy (length, complexity, history or minimum age)"
	case text == "":
		return "does not meet the directory's password policy"
	}
	return "was refused by the directory: " + text
}
