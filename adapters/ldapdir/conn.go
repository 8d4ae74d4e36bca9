package ldapdir

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// conn is one connection with its socket, so that a context can end any hanging call.
type conn struct {
	*ldap.Conn
	wire   *wire
	state  *tls.ConnectionState // nil without encryption
	born   time.Time
	used   time.Time
	broken bool
}

// do runs f and ends it with ctx by closing the socket, since the library does not support contexts. A broken or
// closed connection cannot be reused.
func (c *conn) do(ctx context.Context, f func(l *ldap.Conn) error) error {
	c.wire.refill()
	stop := context.AfterFunc(ctx, func() { _ = c.wire.Close() })
	err := f(c.Conn)
	c.used = now()
	if !stop() {
		c.broken = true
		return &outageError{cause: ctx.Err()}
	}
	if isOutage(err) {
		c.broken = true
		return &outageError{cause: err}
	}
	return err
}

func (c *conn) discard() {
	_ = c.wire.Close()
	_ = c.Close()
}

// bindService binds as the service account. Any failure is an outage.
func (c *conn) bindService(ctx context.Context, name, password string) error {
	err := c.do(ctx, func(l *ldap.Conn) error { return l.Bind(name, password) })
	if err == nil {
		return nil
	}
	return &outageError{cause: fmt.Errorf("binding as the service account: %w", err), account: !isOutage(err)}
}

func (c *conn) search(ctx context.Context, req *ldap.SearchRequest) (*ldap.SearchResult, error) {
	var res *ldap.SearchResult
	err := c.do(ctx, func(l *ldap.Conn) error {
		var err error
		res, err = l.Search(req)
		return err
	})
	return res, err
}

// outageError is an outage: the server was not reached, did not respond, or was too busy.
type outageError struct {
	cause error
	// account reports that the server refused the service account, which an early retry might lock.
	account bool
}

func (e *outageError) Error() string { return e.cause.Error() }
func (e *outageError) Unwrap() error { return e.cause }

// refusesAccount reports whether an outage is that the server refused the service account.
func refusesAccount(err error) bool {
	outage, ok := errors.AsType[*outageError](err)
	return ok && outage.account
}

// isOutage reports whether an error is no answer to the request. The library reports a lost connection sometimes as a
// plain error and sometimes as one of its own.
func isOutage(err error) bool {
	if err == nil {
		return false
	}
	if _, own := errors.AsType[*outageError](err); own {
		return true
	}
	answer, ok := errors.AsType[*ldap.Error](err)
	if !ok {
		return true
	}
	switch answer.ResultCode {
	case ldap.ErrorNetwork, ldap.ErrorUnexpectedResponse, ldap.ErrorUnexpectedMessage, ldap.LDAPResultUnavailable,
		ldap.LDAPResultBusy, ldap.LDAPResultServerDown, ldap.LDAPResultTimeout, ldap.LDAPResultConnectError:
		return true
	}
	return false
}

// hasCode reports whether the server returned one of these result codes.
func hasCode(err error, codes ...uint16) bool {
	answer, ok := errors.AsType[*ldap.Error](err)
	return ok && slices.Contains(codes, answer.ResultCode)
}

// longestDiagnostic limits what a server can write into our log and audit log, in characters.
const longestDiagnostic = 300

// diagnostic returns the server's own message on one line.
func diagnostic(err error) string {
	if answer, ok := errors.AsType[*ldap.Error](err); ok && answer.Err != nil {
		return domain.Printable(answer.Err.Error(), longestDiagnostic)
	}
	return ""
}
