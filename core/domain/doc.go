// Package domain holds the things of Ostiary and the rules of each one alone: users, sessions, credentials, roles,
// groups, policies and audit entries.
//
// It does no input or output and takes the time as an argument. Values are plain data; a method that changes one says
// so. What needs more than one thing, or a store, is a use case and lives in a service beside this package.
package domain
