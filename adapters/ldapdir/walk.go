package ldapdir

import (
	"context"
	"errors"
	"fmt"

	"github.com/go-ldap/ldap/v3"
)

// walk is a search that is read page by page (RFC 2696).
type walk struct {
	base       string
	filter     string
	attributes []string
}

var errPartial = errors.New("the server gave a part of the answer only")

// limitAdvice says where servers have the limits of a search.
const limitAdvice = "Raise the limit of the service account: on OpenLDAP " +
	`limits dn.exact="<bind_dn>" size.pr=1000 size.prtotal=unlimited time=unlimited, on 389 Directory Server ` +
	"nsPagedSizeLimit, nsLookThroughLimit and nsTimeLimit in the account's entry, on Active Directory MaxPageSize, or a " +
	"lower page_size"

// walk calls each with every page. Anything that makes the result incomplete is an error: a size limit, a page that
// cannot be read. Only one page is in memory.
func (c *client) walk(ctx context.Context, on *conn, w walk, each func(entries []*ldap.Entry) error) error {
	got := 0
	paging := ldap.NewControlPaging(uint32(c.settings.PageSize)) //nolint:gosec // checked to be 1 to 1000
	for {
		req := ldap.NewSearchRequest(w.base, ldap.ScopeWholeSubtree, ldap.NeverDerefAliases, 0, 0, false, w.filter,
			w.attributes,
			[]ldap.Control{paging})
		res, err := on.search(ctx, req)
		if res != nil && err != nil {
			got += len(res.Entries)
		}
		if hasCode(err, ldap.LDAPResultSizeLimitExceeded, ldap.LDAPResultAdminLimitExceeded,
			ldap.LDAPResultTimeLimitExceeded) {
			return fmt.Errorf("%w: %d entries below %s, then: %w. %s", errPartial, got, w.base, err, limitAdvice)
		}
		if err != nil {
			return err
		}
		got += len(res.Entries)
		if err := each(res.Entries); err != nil {
			return err
		}
		answer, ok := ldap.FindControl(res.Controls, ldap.ControlTypePaging).(*ldap.ControlPaging)
		if !ok || len(answer.Cookie) == 0 {
			return nil
		}
		paging.SetCookie(answer.Cookie)
	}
}
