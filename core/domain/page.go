package domain

import (
	"encoding/base64"
	"encoding/json"
	"sort"

	"github.com/ostiary/ostiary/core/fault"
)

// The limits of paging.
const (
	DefaultPageLimit = 20
	// MaxPageDepth is the number of rows that page numbers reach; later rows are read by cursor.
	MaxPageDepth = 10_000
	// ExactTotal is the number of matches up to which a filtered total is counted exactly.
	ExactTotal = 10_000
)

// Page selects a part of a list: by number from 1, or after a cursor, which takes precedence.
type Page struct {
	Number int
	Limit  int
	After  *Cursor
}

// Offset returns the number of rows before the page.
func (p Page) Offset() int {
	if p.After != nil || p.Number < 1 {
		return 0
	}
	return (p.Number - 1) * p.Limit
}

// PageInfo is the part of a page's result that describes the whole list.
type PageInfo struct {
	Total          int64
	TotalEstimated bool
	Next           *Cursor // nil on the last page
}

// Cursor is a position in a sorted list: the sort key of the last row read, and its ID to separate equal keys.
type Cursor struct {
	Sort string `json:"s"` // the order it belongs to, such as "-created_at"
	Key  string `json:"k"`
	ID   string `json:"i"`
}

// CutPage returns the part of a sorted list that the page selects, and the page info. place returns the position of an
// item, and compare compares an item with a position.
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

// ParseCursor parses a cursor. A cursor of another order, and any other text, is fault.ErrInvalid.
func ParseCursor(text, sort string) (*Cursor, error) {
	refused := fault.ErrInvalid.About("cursor", "is not a cursor of this list")
	if !Limits.Cursor.Allows(len(text)) {
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

// SortLogs is the only order of the audit log, newest first; its cursors contain it.
const SortLogs = "-timestamp"

// The orders of the lists that have one order; their cursors contain it. Each order names its list, so that a cursor of
// another list is refused.
const (
	SortSessions = "sessions:-created_at"
	SortKeys     = "api_keys:-created_at"
	SortNames    = "name"    // groups
	SortRoles    = "role_id" // roles, the built-in ones first
)

// KeyQuery selects the live API keys of a user: those of the user's current epoch that are not revoked, the newest
// first.
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

// UserQuery filters the user list. Filters combine with AND, and zero fields do not filter.
type UserQuery struct {
	Role      RoleID
	Group     GroupID
	Status    UserStatus
	Directory DirectoryID
	Search    string // case-folded; a substring of username, email or full name
	Sort      UserSort
	Page      Page
	// NoTotal omits the total, for readers that do not use it.
	NoTotal bool
	// ExcludeRole omits the users of a role (the Users API hides sudo).
	ExcludeRole RoleID
}

// UserPage is one page of users.
type UserPage struct {
	Users []User
	PageInfo
}
