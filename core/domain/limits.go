package domain

import (
	"fmt"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/fault"
)

// Limit is the allowed range of a length, a count or a number.
type Limit struct{ Min, Max int }

// Limits are the limits of what clients send. The OpenAPI document takes them from here by their names. Texts are
// limited in characters unless the comment says otherwise.
var Limits = struct {
	Username, DirectoryUsername, FullName, GroupName, GroupDescription Limit
	RoleID, RoleName, RoleLevel, APIKeyName, Search                    Limit

	// Permission is the length of one permission in bytes. Permissions is how many a role, group or key has, and
	// CheckedPermissions how many one call checks.
	Permission, Permissions, CheckedPermissions Limit
	Groups                                      Limit // of a user
	RequiredRoles, Methods                      Limit // of the second-factor policy

	Password                                        Limit
	PasswordInput, Email, LoginName, TwoFactorCode  Limit // in bytes
	State, LoginHint, CodeChallenge, AuditFilter    Limit // in bytes
	IdempotencyKey, Cursor, Metadata                Limit // in bytes
	MetadataDepth, Page, PageSize, UsersAPIPageSize Limit
}{
	Username: Limit{1, 64}, DirectoryUsername: Limit{1, 256}, FullName: Limit{0, 200},
	GroupName: Limit{1, 64}, GroupDescription: Limit{0, 500},
	RoleID: Limit{1, 64}, RoleName: Limit{1, 100}, RoleLevel: Limit{0, 1 << 20}, APIKeyName: Limit{1, 100},
	// The longest value that is searched for as a whole is an email.
	Search: Limit{0, 254},

	Permission: Limit{1, 128}, Permissions: Limit{0, 200}, CheckedPermissions: Limit{1, 100},
	Groups: Limit{0, 1000}, RequiredRoles: Limit{0, 100}, Methods: Limit{1, 2},

	Password: Limit{8, 256}, PasswordInput: Limit{1, 1024}, Email: Limit{1, 254}, LoginName: Limit{1, 320},
	TwoFactorCode: Limit{0, 64}, State: Limit{0, 1024}, LoginHint: Limit{0, 254}, CodeChallenge: Limit{43, 43},
	AuditFilter: Limit{0, 128}, IdempotencyKey: Limit{1, 255}, Cursor: Limit{1, 2048},
	Metadata: Limit{0, 16 << 10}, MetadataDepth: Limit{0, 16},
	Page: Limit{1, 1_000_000_000}, PageSize: Limit{1, 100}, UsersAPIPageSize: Limit{1, 1000},
}

// String returns the range as error texts state it: "1 to 64", or "at most 200" if there is no minimum.
func (l Limit) String() string {
	if l.Min == 0 {
		return fmt.Sprintf("at most %d", l.Max)
	}
	return fmt.Sprintf("%d to %d", l.Min, l.Max)
}

// Allows reports whether n is in the range.
func (l Limit) Allows(n int) bool { return n >= l.Min && n <= l.Max }

// AllowsText reports whether the text is valid UTF-8 with a number of characters in the range.
func (l Limit) AllowsText(text string) bool {
	return utf8.ValidString(text) && l.Allows(utf8.RuneCountInString(text))
}

// CheckPrintable returns fault.ErrInvalid for the field unless the text is printable and allowed.
func (l Limit) CheckPrintable(field, text string) error {
	if !l.AllowsText(text) || !IsPrintable(text) {
		return fault.ErrInvalid.About(field, "must be "+l.String()+" printable characters")
	}
	return nil
}

// CheckVisible returns fault.ErrInvalid for the field unless the text is visible and allowed.
func (l Limit) CheckVisible(field, text string) error {
	if !l.AllowsText(text) || !IsVisible(text) {
		return fault.ErrInvalid.About(field, "must be "+l.String()+" visible characters")
	}
	return nil
}

// Bytes returns refused with a detail for the field if the length of the text in bytes is out of the range.
func (l Limit) Bytes(refused *fault.Error, field, text string) *fault.Error {
	if l.Allows(len(text)) {
		return refused
	}
	return refused.About(field, "must be "+l.String()+" bytes")
}

// CheckBytes returns fault.ErrInvalid for the field if the length of the text in bytes is out of the range.
func (l Limit) CheckBytes(field, text string) error {
	return Refusal(l.Bytes(fault.ErrInvalid, field, text))
}

// Refusal returns refused if it has details, and otherwise nil.
func Refusal(refused *fault.Error) error {
	if len(refused.Details()) == 0 {
		return nil
	}
	return refused
}
