package securityapi

import (
	"bytes"
	"compress/gzip"
	_ "embed" // for the document
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

//go:embed openapi.gen.json.gz
var document []byte

// Document returns the whole OpenAPI document. The binary holds it compressed.
func Document() ([]byte, error) {
	raw, err := decompressed(document)
	if err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	return raw, nil
}

// served returns the document without the operations that are not mounted: what it says can be called.
func served(apis ...httpserver.API) ([]byte, error) {
	var document struct {
		OpenAPI    string                                `json:"openapi"`
		Info       json.RawMessage                       `json:"info"`
		Servers    json.RawMessage                       `json:"servers"`
		Security   json.RawMessage                       `json:"security"`
		Tags       json.RawMessage                       `json:"tags"`
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components json.RawMessage                       `json:"components"`
	}
	raw, err := Document()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	mounted := map[string]bool{}
	for _, api := range apis {
		for _, r := range api.Routes {
			mounted[strings.ToLower(r.Method)+" "+r.Path] = true
		}
	}
	for path, item := range document.Paths {
		operations := 0
		for _, method := range []string{"get", "post", "put", "patch", "delete"} {
			switch _, has := item[method]; {
			case has && mounted[method+" "+path]:
				operations++
			case has:
				delete(item, method)
			}
		}
		if operations == 0 {
			delete(document.Paths, path)
		}
	}
	return json.Marshal(document)
}

// documentation serves the document of the mounted routes, and the page that shows it.
func documentation(apis ...httpserver.API) (httpserver.API, error) {
	raw, err := served(apis...)
	if err != nil {
		return httpserver.API{}, err
	}
	answer, err := compressed(raw)
	if err != nil {
		return httpserver.API{}, err
	}
	files, err := pageFiles()
	if err != nil {
		return httpserver.API{}, err
	}
	files["/openapi.json"] = file{"application/json; charset=utf-8", answer}
	routes := make([]httpserver.Route, 0, len(files))
	for _, path := range sorted(files) {
		routes = append(routes, route(http.MethodGet, path, httpserver.Public(), files[path].serve))
	}
	// as people type it
	routes = append(routes, route(http.MethodGet, "/docs/", httpserver.Public(), files["/docs"].serve))
	return httpserver.API{Name: "docs", Routes: routes}, nil
}

// file is a fixed answer, kept gzipped.
type file struct {
	contentType string
	gzipped     []byte
}

// pagePolicy lets the page load its own files and call this server, and nothing else.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

func (f file) serve(r *httpserver.Request) error {
	r.SetHeader("Cache-Control", "no-cache")
	r.SetHeader("Vary", "Accept-Encoding")
	r.SetHeader("Content-Security-Policy", pagePolicy)
	if strings.Contains(r.Header("Accept-Encoding"), "gzip") {
		r.SetHeader("Content-Encoding", "gzip")
		return r.Raw(http.StatusOK, f.contentType, f.gzipped)
	}
	plain, err := decompressed(f.gzipped)
	if err != nil {
		return err
	}
	return r.Raw(http.StatusOK, f.contentType, plain)
}

func decompressed(gzipped []byte) ([]byte, error) {
	reader, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return nil, err
	}
	return io.ReadAll(reader)
}

func compressed(raw []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := w.Write(raw); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}
