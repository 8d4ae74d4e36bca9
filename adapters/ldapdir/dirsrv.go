package ldapdir

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// What 389 Directory Server, which FreeIPA is built on, does in a way of its own: it marks every password that another
// account writes as one that must be changed, takes no write that removes the mark, and gives no reason for a refusal
// of the password modify operation.

// isDirsrv reports whether the server is a 389 Directory Server.
func isDirsrv(ctx context.Context, on *conn) (bool, error) {
	root, err := readEntry(ctx, on, "", "vendorName")
	if err != nil || root == nil {
		return false, err
	}
	return strings.HasPrefix(root.GetEqualFoldAttributeValue("vendorName"), "389 "), nil
}

// withoutReason is the whole of 389 Directory Server's message on a refused password modify operation.
const withoutReason = "failed to update password"

// passwordModify writes a password by RFC 3062. A refusal without a reason is asked for one by a plain modification,
// which the server refuses in the same way.
func (c *client) passwordModify(ctx context.Context, on *conn, dn, current, next string) error {
	err := on.do(ctx, func(l *ldap.Conn) error {
		_, err := l.PasswordModify(ldap.NewPasswordModifyRequest(dn, current, next))
		return err
	})
	if hasCode(err, ldap.LDAPResultConstraintViolation) &&
		strings.EqualFold(strings.TrimSpace(diagnostic(err)), withoutReason) {
		return c.replacePassword(ctx, on, dn, next)
	}
	return err
}

func (c *client) replacePassword(ctx context.Context, on *conn, dn, next string) error {
	m := ldap.NewModifyRequest(dn, nil)
	m.Replace("userPassword", []string{next})
	return on.do(ctx, func(l *ldap.Conn) error { return l.Modify(m) })
}

// resetAsPerson sets a password that is not marked: the service account sets a random one, and the person, bound with
// that on the same connection and so the same server, the new one. The policy is asked about the new password first, so
// that a refused one leaves the account as it was. current is the person's own password, if it is known.
func (c *client) resetAsPerson(ctx context.Context, on *conn, dn, current, next string) error {
	if err := c.rehearse(ctx, on, dn, next); err != nil {
		return err
	}
	temporary := temporaryPassword()
	// A plain modification does not end an expiry.
	if err := c.passwordModify(ctx, on, dn, "", temporary); err != nil && !isOutage(err) {
		return passwordError(err)
	}
	// The rest is done whatever becomes of the caller: nobody knows the random password.
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.settings.Timeouts.Operation)
	defer cancel()
	if failed := c.replaceTemporary(rest, on, dn, temporary, next); failed != nil {
		return c.recoverPassword(rest, dn, current, next, failed)
	}
	return nil
}

// temporaryPassword returns a random password with no more than two letters or digits side by side: the server refuses
// passwords that contain three characters of the person's entry (passwordMinTokenLength), wherever they are.
func temporaryPassword() string {
	var pairs []string
	for pair := range slices.Chunk([]byte(rand.Text()), 2) {
		pairs = append(pairs, string(pair))
	}
	return "Aa!1!" + strings.Join(pairs, "!")
}

func (c *client) replaceTemporary(ctx context.Context, on *conn, dn, temporary, next string) error {
	said, err := c.bind(ctx, on, dn, temporary)
	if err != nil {
		return err
	}
	current := temporary
	switch said.outcome {
	case domain.OutcomeMustChange, domain.OutcomeExpired:
	case domain.OutcomeOK: // the policy marks no password; the person may be refused a second change so soon
		if err := on.bindService(ctx, c.settings.BindDN, c.settings.BindPassword); err != nil {
			return err
		}
		current = ""
	default:
		return domain.ErrPasswordManagedExternally.Because(errors.New(said.detail))
	}
	return passwordError(c.passwordModify(ctx, on, dn, current, next))
}

// recoverPassword replaces a random password after the person's change of it has failed: by the new one, which then has
// to be changed again, or if the policy refuses that only to the person, by the former one. The error says if neither
// was possible.
func (c *client) recoverPassword(ctx context.Context, dn, current, next string, failed error) error {
	known, refused := next, errors.Is(failed, domain.ErrPasswordPolicy)
	if refused {
		known = current
	}
	err := errors.New("the former password is not known here")
	if known != "" {
		err = c.setOrFind(ctx, dn, known, isOutage(failed))
	}
	switch {
	case err == nil && !refused:
		return nil
	case err == nil:
		return failed
	case refused:
		return domain.ErrPasswordPolicy.About("new_password", reasonOf(failed)+
			"; the former password is no longer valid, so that another one has to be set").Because(errors.Join(failed, err))
	}
	return &outageError{cause: fmt.Errorf("%s has a random password until another one is set: %w, %w", dn, failed, err)}
}

// setOrFind sets a password on a new connection. If it may have been set before, it is tried first.
func (c *client) setOrFind(ctx context.Context, dn, password string, try bool) error {
	on, err := c.dialer.dial(ctx)
	if err != nil {
		return err
	}
	defer on.discard()
	if try {
		said, err := c.bind(ctx, on, dn, password)
		if err != nil || said.outcome == domain.OutcomeOK {
			return err
		}
	}
	if err := on.bindService(ctx, c.settings.BindDN, c.settings.BindPassword); err != nil {
		return err
	}
	return c.passwordModify(ctx, on, dn, "", password)
}

func reasonOf(refused error) string {
	for _, d := range fault.Of(refused).Details() {
		return d.Reason
	}
	return "was refused by the directory"
}

// rehearse returns the policy's refusal of a password, without a write: the server checks the policy first, and then
// refuses the second part of the modification, whether or not it checks its schema.
func (c *client) rehearse(ctx context.Context, on *conn, dn, next string) error {
	m := ldap.NewModifyRequest(dn, nil)
	m.Replace("userPassword", []string{next})
	m.Delete("objectClass", []string{"ostiary-no-such-class"})
	err := on.do(ctx, func(l *ldap.Conn) error { return l.Modify(m) })
	if isOutage(err) || hasCode(err, ldap.LDAPResultConstraintViolation) {
		return passwordError(err)
	}
	return nil
}

var dirsrvPolicyAttributes = []string{
	"passwordLockout", "passwordMaxFailure", "passwordLockoutDuration", "passwordUnlock", "passwordMinLength",
	"passwordHistory", "passwordInHistory", "passwordExp", "passwordMaxAge",
}

// dirsrvPolicy reads 389 Directory Server's form of a policy.
func dirsrvPolicy(e *ldap.Entry) policy {
	number := func(name string) int {
		n, _ := strconv.Atoi(e.GetEqualFoldAttributeValue(name))
		return n
	}
	is := func(name, value string) bool { return strings.EqualFold(e.GetEqualFoldAttributeValue(name), value) }
	p := policy{source: e.DN, minLength: number("passwordMinLength")}
	if is("passwordLockout", "on") {
		p.maxFailures = number("passwordMaxFailure")
		if !is("passwordUnlock", "off") {
			p.lockoutDuration = time.Duration(number("passwordLockoutDuration")) * time.Second
		}
	}
	if is("passwordHistory", "on") {
		p.history = number("passwordInHistory")
	}
	if is("passwordExp", "on") {
		p.maxAge = time.Duration(number("passwordMaxAge")) * time.Second
	}
	return p
}
