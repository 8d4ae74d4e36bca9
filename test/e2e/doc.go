// Package e2e plays whole stories against a running server on the real embedded store.
package e2e
