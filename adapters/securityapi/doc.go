// Package securityapi is the Security API: /api/v1/security over HTTP.
//
// The OpenAPI document is the one source of its shapes. It is written by topic in openapi/, joined into openapi.gen.json, and
// the model types in models.gen.go come from that (go generate). The handlers are written by hand against the models:
// decode, call one method of a core service, map the result. They hold no rule of their own; who may do what to whom is the
// core's to say. Tests hold route table and document against each other, and every answer against its schema.
//
// The package also serves the document itself, and a page to read it at /docs that needs nothing from elsewhere.
package securityapi
