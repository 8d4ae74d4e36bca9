// Package nodes runs several processes of the service on one MongoDB and tests that they behave as one, also while the
// database fails.
package nodes
