package domain

import (
	"encoding/base64"
	"encoding/json"
	"sort"

	"github.com/ostiary/ostiary/core/fault"
)

// The bounds of paging.
const (
	DefaultPageLimit = 20
	MaxPageLimit     = 100
	// MaxPageDepth is how many rows page numbers reach; beyond it a list is read by cursor.
	MaxPageDepth = 10_000
	// ExactTotal is up to how many matches a filtered total is counted.
	ExactTotal = 10_000
)

// Page says which part of a list: by number from 1, or after a cursor, which then counts alone.
type Page struct {
	Number int
	Limit  int
	After  *Cursor
}

// Offset returns how many rows come before the page.
func (p Page) Offset() int {
	if p.After != nil || p.Number < 1 {
		return 0
	}
	return (p.Number - 1) * p.Limit
}

// PageInfo is what a page tells of the whole list.
type PageInfo struct {
	Total          int64
	TotalEstimated bool
	Next           *Cursor // nil on the last page
}

// Cursor is a place in a sorted list: the sort key of the last row seen, and its id to tell equals apart.
type Cursor struct {
	Sort string `json:"s"` // the order it belongs to, such as "-created_at"
	Key  string `json:"k"`
	ID   string `json:"i"`
}

// CutPage returns the part of a sorted list that the page names, and what is to be told of the whole. place gives the place of
// an item in the order, and compare orders an item against a cursor of that order.
func CutPage[T any](all []T, page Page, place func(T) Cursor, compare func(T, Cursor) int) ([]T, PageInfo) {
	if page.Limit <= 0 {
		page.Limit = DefaultPageLimit
	}
	begin := min(page.Offset(), len(all))
	if page.After != nil {
		begin = sort.Search(len(all), func(i int) bool { return compare(all[i], *page.After) > 0 })
	}
	end := min(begin+page.Limit, len(all))
	info := PageInfo{Total: int64(len(all))}
	if end < len(all) {
		next := place(all[end-1])
		info.Next = &next
	}
	return all[begin:end], info
}

// ErrUseCursor refuses page numbers beyond MaxPageDepth.
var ErrUseCursor = fault.New(fault.Invalid, "use_cursor", "Pages this deep are read with cursor")

// Encode returns the cursor as opaque, URL-safe text.
func (c Cursor) Encode() string {
	raw, err := json.Marshal(c)
	if err != nil { // three strings always marshal
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseCursor returns the cursor in text, or fault.ErrInvalid. The order must be the one that the list has now.
func ParseCursor(text, sort string) (*Cursor, error) {
	refused := fault.ErrInvalid.About("cursor", "is not a cursor of this list")
	if len(text) > 2048 {
		return nil, refused
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil {
		return nil, refused
	}
	var c Cursor
	if err := json.Unmarshal(raw, &c); err != nil || c.Sort != sort || c.ID == "" {
		return nil, refused
	}
	return &c, nil
}

// UserSort is an order of the user list.
type UserSort string

// The orders of the user list; a leading minus is descending.
const (
	SortCreatedDesc   UserSort = "-created_at"
	SortCreated       UserSort = "created_at"
	SortUsername      UserSort = "username"
	SortUsernameDesc  UserSort = "-username"
	SortEmail         UserSort = "email"
	SortEmailDesc     UserSort = "-email"
	SortLastLogin     UserSort = "last_login"
	SortLastLoginDesc UserSort = "-last_login"
)

// SortLogs is the one order of the audit trail, newest first; its cursors carry it.
const SortLogs = "-timestamp"

// The orders of the lists that have one order; their cursors carry it. Each names its list, so that a cursor of another one is refused.
const (
	SortSessions = "sessions:-created_at"
	SortKeys     = "api_keys:-created_at"
	SortNames    = "name"    // groups
	SortRoles    = "role_id" // roles, the built-in ones first
)

// KeyQuery asks for the live API keys of a user: those of the user's present epoch that are not revoked, the newest first.
type KeyQuery struct {
	User  UserID
	Epoch int
	Page  Page
}

// KeyPage is one page of API keys.
type KeyPage struct {
	Keys []APIKey
	PageInfo
}

// RolePage is one page of roles.
type RolePage struct {
	Roles []Role
	PageInfo
}

// GroupPage is one page of groups.
type GroupPage struct {
	Groups []Group
	PageInfo
}

// UserQuery filters the user list; the filters combine with AND and zero fields do not filter.
type UserQuery struct {
	Role      RoleID
	Group     GroupID
	Status    UserStatus
	Directory DirectoryID
	Search    string // folded; a substring of username, e-mail or full name
	Sort      UserSort
	Page      Page
	// NoTotal leaves the counting out, for readers that do not show it.
	NoTotal bool
	// ExcludeRole leaves a role's users out (the Users API hides sudo).
	ExcludeRole RoleID
}

// UserPage is one page of users.
type UserPage struct {
	Users []User
	PageInfo
}
