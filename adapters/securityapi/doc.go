// Package securityapi is the Security API: /api/v1/security over HTTP.
//
// The OpenAPI document is the only source of its schemas. It is written by topic in openapi/, joined into
// openapi.gen.json, and the model types in models.gen.go are generated from that (go generate). The handlers are
// written by hand with the models: decode, call one method of a core service, map the result. They contain no rules;
// the core authorizes every operation. Tests compare the route table with the document, and validate every response
// against its schema.
//
// The package also serves the document itself, and documentation at /docs that loads nothing from other hosts.
package securityapi
