// Package tpt issues and recognizes third-party tokens of the Users API: JWTs under HS256 that name a role, so that a service
// which shares the secret can check one by itself. Here each use also looks at the token's own record, which can be revoked,
// and at what its role holds at that moment.
package tpt
