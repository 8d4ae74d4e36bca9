package securityapi

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
)

// parameter is what the document says of one parameter, or where that is said.
type parameter struct {
	Ref    string `json:"$ref"`
	Name   string `json:"name"`
	In     string `json:"in"`
	Schema struct {
		Type string `json:"type"`
	} `json:"schema"`
}

// declaration is an operation of the document.
type declaration struct {
	Parameters []parameter `json:"parameters"`
	// UnknownQuery is "ignored" where others add parameters of their own to the address.
	UnknownQuery string `json:"x-unknown-query"`
}

// queries returns the query parameters of every operation, by "METHOD path"; nil for one that ignores unknown ones.
func queries() (map[string]httpserver.QueryNames, error) {
	var document struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Parameters map[string]parameter `json:"parameters"`
		} `json:"components"`
	}
	if err := json.Unmarshal(Document, &document); err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	all := map[string]httpserver.QueryNames{}
	for path, item := range document.Paths {
		for method, raw := range item {
			if method == "parameters" || method == "servers" {
				continue
			}
			var d declaration
			if err := json.Unmarshal(raw, &d); err != nil {
				return nil, fmt.Errorf("openapi document: %s %s: %w", method, path, err)
			}
			all[strings.ToUpper(method)+" "+path] = d.names(document.Components.Parameters)
		}
	}
	return all, nil
}

func (d declaration) names(shared map[string]parameter) httpserver.QueryNames {
	if d.UnknownQuery == "ignored" {
		return nil
	}
	names := httpserver.QueryNames{}
	for _, p := range d.Parameters {
		if p.Ref != "" {
			p = shared[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		}
		if p.In == "query" {
			names[p.Name] = p.Schema.Type == "array"
		}
	}
	return names
}

// declare gives every route the query parameters that the document has for it, and its check.
func (a *api) declare(routes []httpserver.Route) ([]httpserver.Route, error) {
	declared, err := queries()
	if err != nil {
		return nil, err
	}
	checks := a.checks()
	for i := range routes {
		key := routes[i].Method + " " + routes[i].Path
		names, ok := declared[key]
		if !ok {
			return nil, fmt.Errorf("%s is not in the OpenAPI document", key)
		}
		routes[i].Query, routes[i].Check = names, checks[key]
	}
	return routes, nil
}
