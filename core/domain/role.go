package domain

// RoleID is a role's slug, such as "admin".
type RoleID string
