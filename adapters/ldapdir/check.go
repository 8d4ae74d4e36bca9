package ldapdir

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/ostiary/ostiary/core/domain"
)

// expirySoon is how long before its expiry a certificate is reported.
const expirySoon = 14 * 24 * time.Hour

// checker collects the steps of a check. It continues as far as possible.
type checker struct {
	*client
	steps []domain.CheckStep
}

func (k *checker) good(name, detail string) {
	k.steps = append(k.steps, domain.CheckStep{Name: name, OK: true, Detail: detail})
}

func (k *checker) warn(name, detail, advice string) {
	k.steps = append(k.steps, domain.CheckStep{Name: name, OK: true, Detail: detail, Advice: advice})
}

func (k *checker) bad(name, detail, advice string) {
	k.steps = append(k.steps, domain.CheckStep{Name: name, Detail: detail, Advice: advice})
}

// Check tries the directory step by step, without the breaker, since an operator needs the current state.
func (c base) Check(ctx context.Context, sample string) []domain.CheckStep {
	k := &checker{client: c.client}
	on := k.connect(ctx)
	if on == nil {
		return k.steps
	}
	defer on.discard()
	if c.pool == nil {
		k.warn("service account", "none: people are bound directly",
			"Directory sync, live state and password reset need a service account (bind_dn); the rest cannot be checked "+
				"without one.")
		return k.steps
	}
	if !k.account(ctx, on) || !k.base(ctx, on) {
		return k.steps
	}
	person := k.sample(ctx, on, sample)
	k.policy(ctx, on, person)
	return k.steps
}

// connect tries each server separately, so that an unavailable one is reported even if another works, and returns the
// first that works.
func (k *checker) connect(ctx context.Context) *conn {
	var first *conn
	for _, s := range k.dialer.servers {
		on, err := k.dialer.dialServer(ctx, s)
		if err != nil {
			k.bad("connect "+s.url, err.Error(), k.connectAdvice(s, err))
			continue
		}
		k.certificate(s, on)
		if first == nil {
			first = on
		} else {
			on.discard()
		}
	}
	return first
}

func (k *checker) certificate(s server, on *conn) {
	name := "connect " + s.url
	if on.state == nil {
		k.warn(name, "connected without encryption",
			"Passwords cross this connection in the clear; that is for tests on one machine only.")
		return
	}
	leaf := on.state.PeerCertificates[0]
	detail := fmt.Sprintf("%s, certificate %q by %q until %s", tls.VersionName(on.state.Version), leaf.Subject.CommonName,
		leaf.Issuer.CommonName, leaf.NotAfter.UTC().Format(time.RFC3339))
	if leaf.NotAfter.Sub(k.clock.Now()) < expirySoon {
		k.warn(name, detail, "The certificate ends soon: renew it before logins stop.")
		return
	}
	k.good(name, detail)
}

func (k *checker) connectAdvice(s server, err error) string {
	var unknown x509.UnknownAuthorityError
	var wrongName x509.HostnameError
	var invalid x509.CertificateInvalidError
	var noHost *net.DNSError
	var record tls.RecordHeaderError
	switch {
	case errors.As(err, &unknown):
		return "The certificate is from an authority that is not trusted: put the authority's certificate (not the " +
			"server's) into a PEM file and name it in ca_file."
	case errors.As(err, &wrongName):
		return fmt.Sprintf("The certificate is for %s: use one of these names in urls, or set server_name to it.",
			strings.Join(wrongName.Certificate.DNSNames, ", "))
	case errors.As(err, &invalid):
		return "The certificate is not valid now or not for a server: look at its dates and at this machine's clock."
	case errors.As(err, &noHost):
		return "The host name does not resolve from this machine: look at urls and at the name servers."
	case errors.As(err, &record), strings.Contains(err.Error(), "EOF") && s.tls:
		return "The server does not speak TLS on this port: LDAPS is usually 636; for port 389 use ldap:// with starttls: " +
			"true."
	case hasCode(err, ldap.LDAPResultProtocolError, ldap.LDAPResultUnavailable, ldap.LDAPResultUnwillingToPerform,
		ldap.LDAPResultOperationsError):
		return "The server offers no StartTLS: give it a certificate, or use ldaps://."
	case strings.Contains(err.Error(), "refused"):
		return "Nothing listens there: look at the port (636 for ldaps://, 389 for ldap://) and whether the server runs."
	}
	return "Nothing answered in time: look at the firewall between this machine and the server, and at the port."
}

// account binds as the service account.
func (k *checker) account(ctx context.Context, on *conn) bool {
	said, err := k.bind(ctx, on, k.settings.BindDN, k.settings.BindPassword)
	name := "service account"
	switch {
	case err != nil && strings.Contains(strings.ToLower(err.Error()), "confidentiality"),
		hasCode(err, ldap.LDAPResultStrongAuthRequired):
		k.bad(name, err.Error(),
			"The server takes passwords over encrypted connections only: use ldaps:// or starttls: true.")
	case err != nil:
		k.bad(name, err.Error(), "The server closed or refused the bind for a reason of its own; its log says more.")
	case said.outcome == domain.OutcomeOK:
		k.good(name, "bound as "+k.settings.BindDN)
		return true
	case said.outcome == domain.OutcomeBadCredentials:
		k.bad(name, said.detail,
			"Look at bind_dn (a full DN, or with Active Directory a UPN like svc@example.org) and at bind_password.")
	default:
		k.bad(name, said.detail, "The service account itself is "+strings.ReplaceAll(said.outcome.String(), "_", " ")+
			": have its password set to one that never expires, and the account unlocked.")
	}
	return false
}

// base checks that people are found below the base.
func (k *checker) base(ctx context.Context, on *conn) bool {
	e, err := readEntry(ctx, on, k.settings.BaseDN, "1.1")
	if err != nil || e == nil {
		detail := k.settings.BaseDN + " is not there"
		if err != nil {
			detail = err.Error()
		}
		k.bad("base", detail, "Look at base_dn, and whether the service account may read it. The server's own bases are: "+
			k.namingContexts(ctx, on))
		return false
	}
	req := ldap.NewSearchRequest(k.settings.BaseDN, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 1, k.seconds(), false,
		k.settings.UserFilter, k.personAttributes(), nil)
	res, err := on.search(ctx, req)
	if err != nil && !hasCode(err, ldap.LDAPResultSizeLimitExceeded) {
		k.bad("people", err.Error(), "Look at user_filter.")
		return false
	}
	if len(res.Entries) == 0 {
		k.bad("people", "no entry matches "+k.settings.UserFilter+" below "+k.settings.BaseDN,
			"Look at user_filter and base_dn, and whether the service account may read the people.")
		return false
	}
	if _, err := k.newEntry(res.Entries[0]); err != nil {
		k.bad("people", err.Error(), "Look at attributes.subject, and let the service account read it.")
		return false
	}
	k.good("people", "found below "+k.settings.BaseDN)
	return true
}

func (k *checker) namingContexts(ctx context.Context, on *conn) string {
	root, err := readEntry(ctx, on, "", "namingContexts")
	if err != nil || root == nil {
		return "unknown"
	}
	return strings.Join(root.GetEqualFoldAttributeValues("namingContexts"), "; ")
}

// sample displays how one person is mapped.
func (k *checker) sample(ctx context.Context, on *conn, login string) entry {
	if login == "" {
		return entry{}
	}
	name := "sample " + login
	if !isName(login) {
		k.bad(name, "this cannot be a login name", "Give a login name as a user would type it.")
		return entry{}
	}
	e, err := k.one(ctx, on, k.loginFilter(login))
	switch {
	case errors.Is(err, errNoEntry):
		k.bad(name, err.Error(), "Searched with "+k.loginFilter(login)+": look at login_attributes, user_filter and base_dn.")
		return entry{}
	case errors.Is(err, errSeveral):
		k.bad(name, err.Error(),
			"A login name must be one person's: narrow base_dn or user_filter, or take an attribute that is unique for "+
				"login_attributes.")
		return entry{}
	case err != nil:
		k.bad(name, err.Error(), "Look at attributes and at what the service account may read.")
		return entry{}
	}
	groups, err := k.groups(ctx, on, e)
	if err != nil {
		k.bad(name+" groups", err.Error(), "Look at groups.base_dn and groups.filter.")
		return e
	}
	k.person(name, e, k.identity(e, groups))
	return e
}

func (k *checker) person(name string, e entry, id domain.Identity) {
	state := "enabled"
	if id.Disabled {
		state = "disabled"
	}
	detail := fmt.Sprintf("%s: subject %s, username %q, email %q, full name %q, %s", e.DN, id.Subject, id.Username,
		id.Email, id.FullName, state)
	switch {
	case domain.CheckDirectoryUsername(id.Username) != nil:
		k.bad(name, detail,
			"The username cannot be one here (1 to 256 visible characters): choose another attributes.username.")
	case id.Email == "":
		k.warn(name, detail,
			"There is no e-mail address: set attributes.email, or let the service account read it; without one no mail is sent.")
	default:
		k.good(name, detail)
	}
	k.good(name+" groups", fmt.Sprintf("%d: %s", len(id.Groups), strings.Join(id.Groups, "; ")))
	if len(k.settings.Roles)+len(k.settings.GroupMapping) > 0 {
		k.good(name+" mapping", fmt.Sprintf("role %q, groups %q", id.Role, id.MappedGroups))
	}
}

// policy displays the password policy and the lockout policy.
func (k *checker) policy(ctx context.Context, on *conn, person entry) {
	p, err := k.directoryPolicy(ctx, on, person)
	if err != nil {
		k.bad("password policy", err.Error(), "Let the service account read the policy.")
		return
	}
	if p.source == "" {
		k.warn("password policy", "cannot be read",
			"Whether the directory locks accounts before we do cannot be determined. With OpenLDAP's "+
				"ppolicy set password_policy_dn and let the service account read it.")
		return
	}
	lock := "never locks"
	if p.maxFailures > 0 {
		lock = fmt.Sprintf("locks after %d wrong passwords for %s", p.maxFailures, forText(p.lockoutDuration))
	}
	age := "never expire"
	if p.maxAge > 0 {
		age = "expire after " + forText(p.maxAge)
	}
	k.good("password policy", fmt.Sprintf("%s: %s; at least %d characters, history of %d, passwords %s", p.source, lock,
		p.minLength, p.history, age))
}

func forText(d time.Duration) string {
	switch {
	case d <= 0:
		return "ever"
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	}
	return d.String()
}
