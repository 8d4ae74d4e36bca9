// Package tpt issues and verifies third-party tokens of the Users API: signed tokens that name a role, so that a
// service which shares the secret can verify one itself. This service also checks the token's own record, which can be
// revoked, and the current permissions of its role.
package tpt
