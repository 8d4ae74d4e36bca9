package ldapdir

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// errRefused is a change that the server's access rules forbid.
var errRefused = errors.New("the directory lets this person change no password")

// ChangePassword lets a person change their own password.
func (c changes) ChangePassword(ctx context.Context, subject domain.Subject, current, next string) error {
	filter, ok := c.subjectFilter(subject)
	if !ok {
		return domain.ErrSubjectNotFound
	}
	if !isPassword(current) {
		return domain.ErrCurrentPassword
	}
	if err := checkNext(next); err != nil {
		return err
	}
	return c.run(ctx, func(ctx context.Context, r *reach) error {
		if c.pool == nil {
			return c.changeDirect(ctx, r, subject, current, next)
		}
		e, err := c.known(ctx, r, filter)
		if err != nil {
			return err
		}
		return r.own(ctx, func(on *conn) error { return c.change(ctx, on, e.DN, current, next) })
	})
}

// checkNext refuses what must not be sent to the server: for an empty new password, RFC 3062 servers generate one.
func checkNext(next string) error {
	if next == "" {
		return domain.ErrPasswordPolicy.About("new_password", "must not be empty")
	}
	if !isPassword(next) {
		return domain.ErrPasswordPolicy.About("new_password",
			fmt.Sprintf("must be at most %d bytes and hold no NUL", maxPassword))
	}
	return nil
}

// known returns the entry of a subject.
func (c *client) known(ctx context.Context, r *reach, filter string) (entry, error) {
	var e entry
	err := r.service(ctx, func(on *conn) error {
		var err error
		e, err = c.one(ctx, on, filter)
		return err
	})
	if errors.Is(err, errNoEntry) || errors.Is(err, errSeveral) {
		return entry{}, domain.ErrSubjectNotFound.Because(err)
	}
	return e, err
}

// change verifies the current password by a bind and writes the new one as that person, or as the service account if
// the server blocks the person before the change. The connection is the caller's to close.
func (c *client) change(ctx context.Context, on *conn, dn, current, next string) error {
	said, err := c.bind(ctx, on, dn, current)
	if err != nil {
		return err
	}
	switch said.outcome {
	case domain.OutcomeOK:
		return c.write(ctx, on, dn, current, next)
	case domain.OutcomeMustChange, domain.OutcomeExpired:
		return c.changeBlocked(ctx, on, dn, current, next)
	case domain.OutcomeBadCredentials:
		return domain.ErrCurrentPassword.Because(errors.New(said.detail))
	default:
		return domain.ErrPasswordPolicy.About("current_password",
			"the directory lets this account change nothing now: "+said.detail)
	}
}

// changeBlocked changes a password that is correct but expired or must be changed. A server with the password policy
// control allows the change on the same connection, unless it refused the bind; Active Directory always refuses the
// bind. Then the service account sends the change: Active Directory checks the old password in it, on other servers
// the bind has done so.
func (c *client) changeBlocked(ctx context.Context, on *conn, dn, current, next string) error {
	if !c.activeDirectory() {
		err := c.write(ctx, on, dn, current, next)
		if !errors.Is(err, errRefused) {
			return err
		}
	}
	if c.pool == nil {
		return domain.ErrPasswordManagedExternally.Because(errRefused)
	}
	if err := on.bindService(ctx, c.settings.BindDN, c.settings.BindPassword); err != nil {
		return err
	}
	if c.activeDirectory() {
		return c.write(ctx, on, dn, current, next)
	}
	return c.reset(ctx, on, dn, next, false)
}

// changeDirect changes a password without a service account.
func (c *client) changeDirect(ctx context.Context, r *reach, subject domain.Subject, current, next string) error {
	if !c.subjectIsGUID() {
		return domain.ErrPasswordManagedExternally
	}
	return r.own(ctx, func(on *conn) error {
		said, err := c.bind(ctx, on, "<GUID="+string(subject)+">", current)
		switch {
		case err != nil:
			return err
		case said.outcome == domain.OutcomeBadCredentials:
			return domain.ErrCurrentPassword.Because(errors.New(said.detail))
		case said.outcome != domain.OutcomeOK:
			return domain.ErrPasswordManagedExternally.Because(errors.New(said.detail))
		}
		filter, _ := c.subjectFilter(subject)
		e, err := c.one(ctx, on, filter)
		if err != nil {
			return err
		}
		return c.write(ctx, on, e.DN, current, next)
	})
}

// write sends a change with the old password.
func (c *client) write(ctx context.Context, on *conn, dn, current, next string) error {
	err := on.do(ctx, func(l *ldap.Conn) error {
		if c.activeDirectory() {
			m := ldap.NewModifyRequest(dn, nil)
			m.Delete("unicodePwd", []string{encodePassword(current)})
			m.Add("unicodePwd", []string{encodePassword(next)})
			return l.Modify(m)
		}
		_, err := l.PasswordModify(ldap.NewPasswordModifyRequest(dn, current, next))
		return err
	})
	return passwordError(err)
}

// SetPassword sets a person's password with the service account.
func (c sets) SetPassword(ctx context.Context, subject domain.Subject, next string, mustChange bool) error {
	filter, ok := c.subjectFilter(subject)
	if !ok {
		return domain.ErrSubjectNotFound
	}
	if err := checkNext(next); err != nil {
		return err
	}
	return c.run(ctx, func(ctx context.Context, r *reach) error {
		e, err := c.known(ctx, r, filter)
		if err != nil {
			return err
		}
		if e.GetEqualFoldAttributeValue("pwdAccountLockedTime") == lockedForEver {
			// The server would end the lock with the reset, and an email must not undo what an administrator did.
			return domain.ErrPasswordManagedExternally.Because(
				errors.New("an administrator of the directory has locked the account"))
		}
		return r.own(ctx, func(on *conn) error {
			// Not on a pooled connection: a write is never retried on another.
			if err := on.bindService(ctx, c.settings.BindDN, c.settings.BindPassword); err != nil {
				return err
			}
			return c.reset(ctx, on, e.DN, next, mustChange)
		})
	})
}

// policyHints makes Active Directory check the password history on a reset too (MS-ADTS 3.1.1.3.4.1.27); otherwise a
// person who must change the password could set the same one again. It is not critical: a server that does not
// support it, such as an older Samba, sets the password without.
// Its value is SEQUENCE { INTEGER 1 }.
var policyHints = ldap.NewControlString("1.2.840.113556.1.4.2239", false, "\x30\x03\x02\x01\x01")

// reset sets a password as the service account, and ends a lock caused by wrong passwords.
func (c *client) reset(ctx context.Context, on *conn, dn, next string, mustChange bool) error {
	if c.activeDirectory() {
		m := ldap.NewModifyRequest(dn, []ldap.Control{policyHints})
		m.Replace("unicodePwd", []string{encodePassword(next)})
		if mustChange {
			m.Replace("pwdLastSet", []string{"0"})
		}
		if err := on.do(ctx, func(l *ldap.Conn) error { return l.Modify(m) }); err != nil {
			return passwordError(err)
		}
		// Separately, since the right to it is not part of the right to reset passwords: without it the lock expires
		// by itself.
		unlock := ldap.NewModifyRequest(dn, nil)
		unlock.Replace("lockoutTime", []string{"0"})
		err := on.do(ctx, func(l *ldap.Conn) error { return l.Modify(unlock) })
		if isOutage(err) {
			return err
		}
		return nil
	}
	err := on.do(ctx, func(l *ldap.Conn) error {
		_, err := l.PasswordModify(ldap.NewPasswordModifyRequest(dn, "", next))
		return err
	})
	if err != nil {
		return passwordError(err)
	}
	// By its policy the server marks a password that another account set; the flag is written in any case.
	m := ldap.NewModifyRequest(dn, nil)
	m.Replace("pwdReset", nil)
	if mustChange {
		m.Replace("pwdReset", []string{"TRUE"})
	}
	err = on.do(ctx, func(l *ldap.Conn) error { return l.Modify(m) })
	if err == nil || isOutage(err) {
		return err
	}
	if mustChange {
		return fmt.Errorf("the password is set, but the server did not take that it must be changed: %w", err)
	}
	return nil // a server without a password policy has no such flag
}

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
