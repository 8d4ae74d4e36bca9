package ldapdir

import (
	"context"
	"errors"
	"fmt"
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
	return c.reset(ctx, on, dn, current, next, false)
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
	if !c.activeDirectory() {
		return passwordError(c.passwordModify(ctx, on, dn, current, next))
	}
	m := ldap.NewModifyRequest(dn, nil)
	m.Delete("unicodePwd", []string{encodePassword(current)})
	m.Add("unicodePwd", []string{encodePassword(next)})
	return passwordError(on.do(ctx, func(l *ldap.Conn) error { return l.Modify(m) }))
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
		if lockedByAdministrator(e) {
			// The server would end the lock with the reset, and an email must not undo what an administrator did.
			return domain.ErrPasswordManagedExternally.Because(
				errors.New("an administrator of the directory has locked the account"))
		}
		return r.own(ctx, func(on *conn) error {
			// Not on a pooled connection: a write is never retried on another.
			if err := on.bindService(ctx, c.settings.BindDN, c.settings.BindPassword); err != nil {
				return err
			}
			return c.reset(ctx, on, e.DN, "", next, mustChange)
		})
	})
}

// policyHints makes Active Directory check the password history on a reset too (MS-ADTS 3.1.1.3.4.1.27); otherwise a
// person who must change the password could set the same one again. It is not critical: a server that does not
// support it, such as an older Samba, sets the password without.
// Its value is SEQUENCE { INTEGER 1 }.
var policyHints = ldap.NewControlString("1.2.840.113556.1.4.2239", false, "\x30\x03\x02\x01\x01")

// reset sets a password as the service account, and ends a lock caused by wrong passwords. current is the person's
// password, or empty if it is not known.
func (c *client) reset(ctx context.Context, on *conn, dn, current, next string, mustChange bool) error {
	if c.activeDirectory() {
		return c.resetAD(ctx, on, dn, next, mustChange)
	}
	if !mustChange {
		marks, err := isDirsrv(ctx, on)
		if err != nil {
			return err
		}
		if marks {
			return c.resetAsPerson(ctx, on, dn, current, next)
		}
	}
	if err := c.passwordModify(ctx, on, dn, "", next); err != nil {
		return passwordError(err)
	}
	return c.mark(ctx, on, dn, mustChange)
}

func (c *client) resetAD(ctx context.Context, on *conn, dn, next string, mustChange bool) error {
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

// mark sets or removes the flag that the person must change the password.
func (c *client) mark(ctx context.Context, on *conn, dn string, mustChange bool) error {
	// By its policy the server marks a password that another account set; the flag is written in any case.
	m := ldap.NewModifyRequest(dn, nil)
	m.Replace("pwdReset", nil)
	if mustChange {
		m.Replace("pwdReset", []string{"TRUE"})
	}
	err := on.do(ctx, func(l *ldap.Conn) error { return l.Modify(m) })
	if err == nil || isOutage(err) {
		return err
	}
	if mustChange {
		if e, read := readEntry(ctx, on, dn, "pwdReset"); read == nil && e != nil &&
			strings.EqualFold(e.GetEqualFoldAttributeValue("pwdReset"), "true") {
			return nil // 389 Directory Server marks it by itself and takes no such write
		}
		return fmt.Errorf("the password is set, but the server did not take that it must be changed: %w", err)
	}
	return nil // a server without a password policy has no such flag
}
