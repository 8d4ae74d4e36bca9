package securityapi

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"

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

// taken is what a route takes beside its path and body.
type taken struct {
	query   httpserver.QueryNames // nil for a route that ignores unknown ones
	headers []string
}

// parameters returns what every operation takes, by "METHOD path". It reads the document once.
var parameters = sync.OnceValues(readParameters)

func readParameters() (map[string]taken, error) {
	var document struct {
		Paths      map[string]map[string]json.RawMessage `json:"paths"`
		Components struct {
			Parameters map[string]parameter `json:"parameters"`
		} `json:"components"`
	}
	raw, err := Document()
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("openapi document: %w", err)
	}
	all := map[string]taken{}
	for path, item := range document.Paths {
		for method, raw := range item {
			if method == "parameters" || method == "servers" {
				continue
			}
			var d declaration
			if err := json.Unmarshal(raw, &d); err != nil {
				return nil, fmt.Errorf("openapi document: %s %s: %w", method, path, err)
			}
			all[strings.ToUpper(method)+" "+path] = d.takes(document.Components.Parameters)
		}
	}
	return all, nil
}

func (d declaration) takes(shared map[string]parameter) taken {
	all := taken{query: httpserver.QueryNames{}}
	for _, p := range d.Parameters {
		if p.Ref != "" {
			p = shared[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
		}
		switch p.In {
		case "query":
			all.query[p.Name] = p.Schema.Type == "array"
		case "header":
			all.headers = append(all.headers, p.Name)
		}
	}
	if d.UnknownQuery == "ignored" {
		all.query = nil
	}
	return all
}

// declare gives every route the query parameters and headers that the document has for it, and its check.
func (a *api) declare(routes []httpserver.Route) ([]httpserver.Route, error) {
	declared, err := parameters()
	if err != nil {
		return nil, err
	}
	checks := a.checks()
	for i := range routes {
		key := routes[i].Method + " " + routes[i].Path
		takes, ok := declared[key]
		if !ok {
			return nil, fmt.Errorf("%s is not in the OpenAPI document", key)
		}
		routes[i].Query, routes[i].Headers, routes[i].Check = takes.query, takes.headers, checks[key]
	}
	return routes, nil
}
