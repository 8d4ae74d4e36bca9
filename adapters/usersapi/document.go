package usersapi

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the document
	"io"
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

//go:generate go run ../securityapi/internal/bundle -json openapi.yaml openapi.gen.json.gz

// Document is the OpenAPI document of this API, in YAML.
//
//go:embed openapi.yaml
var Document []byte

// documentJSON is the same in JSON, gzipped.
//
//go:embed openapi.gen.json.gz
var documentJSON []byte

// DocumentPath and DocumentJSONPath are where it is served.
const (
	DocumentPath     = "/openapi-users.yaml"
	DocumentJSONPath = "/openapi-users.json"
)

func documentation() httpserver.API {
	return httpserver.API{Name: "users_docs", Routes: []httpserver.Route{
		get(DocumentPath, httpserver.Public(), func(r *httpserver.Request) error {
			return r.Raw(http.StatusOK, "application/yaml; charset=utf-8", Document)
		}),
		get(DocumentJSONPath, httpserver.Public(), func(r *httpserver.Request) error {
			reader, err := gzip.NewReader(bytes.NewReader(documentJSON))
			if err != nil {
				return err
			}
			raw, err := io.ReadAll(reader)
			if err != nil {
				return err
			}
			return r.Raw(http.StatusOK, "application/json; charset=utf-8", raw)
		}),
	}}
}
