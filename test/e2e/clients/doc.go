// Package clients tests what clients stand on against a real server: the OpenAPI documents with the generators of three
// languages, and the TypeScript library of clients/typescript.
package clients
