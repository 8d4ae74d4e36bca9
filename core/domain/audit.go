package domain

import "time"

// Action is the event that an audit entry records. The list is closed.
type Action string

// The actions of the audit log.
const (
	ActionLogin                Action = "login"
	ActionLoginFailed          Action = "login_failed"
	ActionAccountLocked        Action = "account_locked"
	ActionAccountUnlock        Action = "account_unlock"
	ActionLogout               Action = "logout"
	ActionTokenRefreshReuse    Action = "token_refresh_reuse"
	ActionSessionRevoke        Action = "session_revoke"
	ActionUserCreate           Action = "user_create"
	ActionUserUpdate           Action = "user_update"
	ActionUserActivate         Action = "user_activate"
	ActionUserDeactivate       Action = "user_deactivate"
	ActionUserPurge            Action = "user_purge"
	ActionPermissionChange     Action = "permission_change"
	ActionRoleCreate           Action = "role_create"
	ActionRoleDelete           Action = "role_delete"
	ActionGroupCreate          Action = "group_create"
	ActionGroupUpdate          Action = "group_update"
	ActionGroupDelete          Action = "group_delete"
	ActionSettingsChange       Action = "settings_change"
	ActionTwoFactorEnroll      Action = "two_factor_enroll"
	ActionTwoFactorEnable      Action = "two_factor_enable"
	ActionTwoFactorDisable     Action = "two_factor_disable"
	ActionTwoFactorFailed      Action = "two_factor_failed"
	ActionPasswordChange       Action = "password_change"
	ActionPasswordChangeFailed Action = "password_change_failed"
	ActionPasswordResetRequest Action = "password_reset_request"
	ActionPasswordReset        Action = "password_reset"
	ActionAPIKeyCreate         Action = "api_key_create"
	ActionAPIKeyRevoke         Action = "api_key_revoke" //nolint:gosec // the name of an action
	ActionTPTCreate            Action = "tpt_create"
	ActionTPTRevoke            Action = "tpt_revoke"
	ActionKeyRotate            Action = "key_rotate"
	ActionStepUp               Action = "step_up"
	ActionDirectorySync        Action = "directory_sync"
	ActionImport               Action = "import"
	ActionPermissionDenied     Action = "permission_denied"
	ActionDataAccess           Action = "data_access"
)

// Actions lists all actions.
var Actions = []Action{
	ActionLogin, ActionLoginFailed, ActionAccountLocked, ActionAccountUnlock, ActionLogout, ActionTokenRefreshReuse,
	ActionSessionRevoke, ActionUserCreate, ActionUserUpdate, ActionUserActivate, ActionUserDeactivate, ActionUserPurge,
	ActionPermissionChange, ActionRoleCreate, ActionRoleDelete, ActionGroupCreate, ActionGroupUpdate, ActionGroupDelete,
	ActionSettingsChange, ActionTwoFactorEnroll, ActionTwoFactorEnable, ActionTwoFactorDisable, ActionTwoFactorFailed,
	ActionPasswordChange, ActionPasswordChangeFailed, ActionPasswordResetRequest, ActionPasswordReset, ActionAPIKeyCreate,
	ActionAPIKeyRevoke, ActionTPTCreate, ActionTPTRevoke, ActionKeyRotate, ActionStepUp, ActionDirectorySync, ActionImport,
	ActionPermissionDenied, ActionDataAccess,
}

// AuditEntry is one entry of the audit log. Data that identifies a person (address, user agent, Personal) is stored
// separately from the sealed data, so that a purge can erase it and the log can still be verified.
type AuditEntry struct {
	ID        LogID
	Time      time.Time
	UserID    string // who acted; for a failed login the targeted user, if any
	Action    Action
	Success   bool
	IPAddress string
	UserAgent string
	RequestID string
	Target    string         // the affected object; details.target_id
	Details   map[string]any // strings, numbers, booleans, and lists and maps of them; nothing secret, nothing personal
	Personal  map[string]any // details that identify a person, such as a typed login name; displayed with the details
}

// AuditQuery filters the audit log. Zero fields do not filter.
type AuditQuery struct {
	UserID    string
	Actions   []Action
	From      time.Time // inclusive
	Until     time.Time // exclusive
	IPAddress string
	Success   *bool
	RequestID string
	Page      Page
}

// AuditPage is one page of entries, newest first.
type AuditPage struct {
	Entries []AuditEntry
	PageInfo
}
