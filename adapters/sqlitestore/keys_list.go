package sqlitestore

import (
	"context"
	"strconv"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// liveKeys selects a user's keys of one epoch that are not revoked. The index returns them in the order of the list.
const liveKeys = " FROM api_keys INDEXED BY api_keys_live WHERE user_id = ? AND revoked = 0 AND " +
	"ifnull(json_extract(doc, '$.epoch'), 0) = ?"

// List returns one page of a user's keys that are not revoked, newest first.
func (ks *Keys) List(ctx context.Context, q domain.KeyQuery) (domain.KeyPage, error) {
	var page domain.KeyPage
	if q.Page.Limit <= 0 {
		q.Page.Limit = domain.DefaultPageLimit
	}
	args := []any{string(q.User), q.Epoch}
	err := ks.s.reads.get(ctx, fault.ErrInternal, "SELECT count(*) FROM (SELECT 1"+liveKeys+" LIMIT 0+?)",
		append(args, domain.ExactTotal+1), &page.Total)
	if err != nil {
		return page, err
	}
	page.TotalEstimated = page.Total > domain.ExactTotal
	query := "SELECT created, doc, last_used_ns" + liveKeys
	if after := q.Page.After; after != nil {
		created, err := strconv.ParseInt(after.Key, 10, 64)
		if err != nil {
			return page, fault.ErrInvalid.About("cursor", "is not a cursor of this list")
		}
		query += " AND (created, id) < (?, ?)"
		args = append(args, created, after.ID)
	}
	args = append(args, q.Page.Limit+1, q.Page.Offset())
	var last domain.Cursor
	err = ks.s.reads.each(ctx, func(rows rowScanner) error {
		var doc string
		var created, used int64
		if err := rows.Scan(&created, &doc, &used); err != nil {
			return err
		}
		if len(page.Keys) == q.Page.Limit { // one more than the limit: there is a next page
			page.Next = &last
			return nil
		}
		key, err := ks.s.toKey(doc, used)
		page.Keys = append(page.Keys, key)
		last = domain.Cursor{Sort: domain.SortKeys, Key: strconv.FormatInt(created, 10), ID: string(key.ID)}
		return err
	}, query+" ORDER BY created DESC, id DESC LIMIT 0+? OFFSET ?", args...)
	return page, err
}
