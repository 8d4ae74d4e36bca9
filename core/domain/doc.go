// Package domain defines the domain types of Ostiary and the rules of each type by itself: users, sessions,
// credentials, roles, groups, policies and audit entries.
//
// It does no input or output and takes the time as an argument. Values are plain data; the documentation of a method
// states if it modifies the value. A use case that needs several types, or a store, belongs to a service package beside
// this one.
package domain
