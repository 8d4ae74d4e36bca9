package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

const (
	jsonType       = "application/json"
	mergePatchType = "application/merge-patch+json"
	schemaPrefix   = "#/components/schemas/"
)

// forClients adds what holds for every body and is of no use to the models: a POST body takes null for each optional
// member, and a PATCH body may have the media type of a JSON merge patch (RFC 7396).
func forClients(document object) error {
	schemas, _ := member(document, "components")["schemas"].(object)
	paths, _ := document["paths"].(object)
	done := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, _ := paths[path].(object)
		patch := member(member(member(item, "patch"), "requestBody"), "content")
		if body, ok := patch[jsonType]; ok {
			patch[mergePatchType] = body
		}
		body := member(member(member(member(item, "post"), "requestBody"), "content"), jsonType)
		schema, _ := body["schema"].(object)
		name, named := strings.CutPrefix(text(schema["$ref"]), schemaPrefix)
		if !named || done[name] {
			continue
		}
		done[name] = true
		changed, err := withNulls(schemas, schemas[name])
		if err != nil {
			return fmt.Errorf("post %s: %w", path, err)
		}
		schemas[name] = changed
	}
	return nil
}

// withNulls returns a copy of a schema whose optional members may be null, those of its members too.
func withNulls(schemas object, schema any) (object, error) {
	o, ok := schema.(object)
	if !ok {
		return nil, errors.New("a schema that is no object")
	}
	if name, referred := strings.CutPrefix(text(o["$ref"]), schemaPrefix); referred {
		return withNulls(schemas, schemas[name])
	}
	o = maps.Clone(o)
	properties, ok := o["properties"].(object)
	if !ok {
		return o, nil
	}
	required, _ := o["required"].([]any)
	changed := object{}
	for name, property := range properties {
		p, err := withNulls(schemas, property)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if !slices.Contains(required, any(name)) {
			p["nullable"] = true
			if values, ok := p["enum"].([]any); ok {
				p["enum"] = append(slices.Clone(values), nil)
			}
		}
		changed[name] = p
	}
	o["properties"] = changed
	return o, nil
}

func member(of object, name string) object {
	o, _ := of[name].(object)
	return o
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
