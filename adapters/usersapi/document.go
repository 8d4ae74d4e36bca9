package usersapi

import (
	_ "embed" // for the document
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// Document is the OpenAPI document of this API, in YAML.
//
//go:embed openapi.yaml
var Document []byte

// DocumentPath is where it is served.
const DocumentPath = "/openapi-users.yaml"

func documentation() httpserver.API {
	serve := func(r *httpserver.Request) error {
		return r.Raw(http.StatusOK, "application/yaml; charset=utf-8", Document)
	}
	return httpserver.API{Name: "users_docs", Routes: []httpserver.Route{
		{Method: http.MethodGet, Path: DocumentPath, Access: httpserver.Public(), Handler: serve},
	}}
}
