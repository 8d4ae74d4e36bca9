package ldapdir

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-ldap/ldap/v3"
)

// policy is the directory's own password policy, as far as it is readable.
type policy struct {
	source          string // the DN it was read from; empty if unreadable
	maxFailures     int    // 0: never locks
	lockoutDuration time.Duration
	minLength       int
	history         int
	maxAge          time.Duration // 0: never expires
}

// readEntry reads one entry by its DN; nil if it does not exist or is not readable.
func readEntry(ctx context.Context, on *conn, dn string, attributes ...string) (*ldap.Entry, error) {
	res, err := on.search(ctx, ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 1, 0, false,
		"(objectClass=*)", attributes, nil))
	if hasCode(err, ldap.LDAPResultNoSuchObject, ldap.LDAPResultInsufficientAccessRights, ldap.LDAPResultReferral) {
		return nil, nil //nolint:nilnil // absent is a valid result
	}
	if err != nil || len(res.Entries) == 0 {
		return nil, err
	}
	return res.Entries[0], nil
}

var policyAttributes = []string{
	"pwdLockout", "pwdMaxFailure", "pwdLockoutDuration", "pwdMinLength", "pwdInHistory", "pwdMaxAge",
}

// dirsrvConfig is the entry of 389 Directory Server's policy. Other servers return nothing of it.
const dirsrvConfig = "cn=config"

// ldapPolicy reads a policy entry (draft-behera-ldap-password-policy-10, or 389 Directory Server's), by default the one
// of the configuration.
func (c *client) ldapPolicy(ctx context.Context, on *conn, dn string) (policy, error) {
	if dn == "" {
		dn = c.settings.PasswordPolicy
	}
	unknown := dn == ""
	if unknown {
		dn = dirsrvConfig
	}
	// 389 Directory Server has both names for some and returns the first that is asked for.
	e, err := readEntry(ctx, on, dn, slices.Concat(dirsrvPolicyAttributes, policyAttributes)...)
	if unknown && !isOutage(err) && err != nil {
		return policy{}, nil //nolint:nilerr // another server, which refuses such a base in its own way
	}
	if err != nil || e == nil || len(e.Attributes) == 0 {
		return policy{}, err
	}
	if e.GetEqualFoldAttributeValue("passwordLockout") != "" {
		return dirsrvPolicy(e), nil
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(e.GetEqualFoldAttributeValue(name))
		return n
	}
	p := policy{
		source: dn, minLength: number("pwdMinLength"), history: number("pwdInHistory"),
		maxAge: time.Duration(number("pwdMaxAge")) * time.Second,
	}
	if strings.EqualFold(e.GetEqualFoldAttributeValue("pwdLockout"), "TRUE") {
		p.maxFailures = number("pwdMaxFailure")
		p.lockoutDuration = time.Duration(number("pwdLockoutDuration")) * time.Second
	}
	return p, nil
}

// adPolicy reads a person's fine-grained policy, if there is a readable one, or else the domain's.
func (c *client) adPolicy(ctx context.Context, on *conn, e entry) (policy, error) {
	if e.Entry != nil {
		own, err := readADPolicy(ctx, on, e.GetEqualFoldAttributeValue("msDS-ResultantPSO"), adPolicyNames{
			"msDS-LockoutThreshold", "msDS-LockoutDuration", "msDS-MinimumPasswordLength", "msDS-PasswordHistoryLength",
			"msDS-MaximumPasswordAge",
		})
		if err != nil || own.source != "" {
			return own, err
		}
	}
	return readADPolicy(ctx, on, domainOf(c.settings.BaseDN), adPolicyNames{
		"lockoutThreshold", "lockoutDuration", "minPwdLength", "pwdHistoryLength", "maxPwdAge",
	})
}

// adPolicyNames are the attributes of a policy; the domain's own and fine-grained ones differ only in them.
type adPolicyNames struct{ failures, duration, length, history, age string }

func readADPolicy(ctx context.Context, on *conn, dn string, names adPolicyNames) (policy, error) {
	if dn == "" {
		return policy{}, nil
	}
	e, err := readEntry(ctx, on, dn, names.failures, names.duration, names.length, names.history, names.age)
	if err != nil || e == nil {
		return policy{}, err
	}
	number := func(name string) int {
		n, _ := strconv.Atoi(e.GetEqualFoldAttributeValue(name))
		return n
	}
	return policy{
		source: e.DN, maxFailures: number(names.failures),
		lockoutDuration: fileDuration(e.GetEqualFoldAttributeValue(names.duration)),
		minLength:       number(names.length), history: number(names.history),
		maxAge: fileDuration(e.GetEqualFoldAttributeValue(names.age)),
	}, nil
}

// domainOf returns the domain's own DN: the DC parts at the end of a base.
func domainOf(base string) string {
	dn, err := ldap.ParseDN(base)
	if err != nil {
		return base
	}
	for i, rdn := range dn.RDNs {
		if len(rdn.Attributes) == 1 && strings.EqualFold(rdn.Attributes[0].Type, "dc") {
			return (&ldap.DN{RDNs: dn.RDNs[i:]}).String()
		}
	}
	return base
}

// LockoutThreshold returns how many wrong passwords lock an account in the directory.
func (c base) LockoutThreshold(ctx context.Context) (int, error) {
	if c.pool == nil {
		return 0, nil
	}
	var p policy
	err := c.run(ctx, func(ctx context.Context, r *reach) error {
		return r.service(ctx, func(on *conn) error {
			var err error
			p, err = c.directoryPolicy(ctx, on, entry{})
			return err
		})
	})
	return p.maxFailures, err
}

// directoryPolicy reads the policy of a person, or with an empty entry the default policy.
func (c *client) directoryPolicy(ctx context.Context, on *conn, e entry) (policy, error) {
	if c.activeDirectory() {
		return c.adPolicy(ctx, on, e)
	}
	own := ""
	if e.Entry != nil {
		own = e.GetEqualFoldAttributeValue("pwdPolicySubentry")
	}
	return c.ldapPolicy(ctx, on, own)
}
