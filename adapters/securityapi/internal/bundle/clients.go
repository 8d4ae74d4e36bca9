package main

import (
	"encoding/json"
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

// forClients adds what holds for every body and is of no use to the models: a POST or PUT body takes null for each
// optional member, and a PATCH body may have the media type of a JSON merge patch (RFC 7396). It is an extension and
// not a second entry of the content, since generators for Python cannot compile a body of several media types. A
// default of a request's member becomes a sentence, since generators for TypeScript make the member required otherwise.
func forClients(document object) error {
	schemas := member(member(document, "components"), "schemas")
	paths := member(document, "paths")
	done := map[string]bool{}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item := member(paths, path)
		if patch := member(member(item, "patch"), "requestBody"); patch != nil {
			patch["x-also-accepts"] = []any{mergePatchType}
		}
		for _, verb := range []string{"post", "put", "patch"} {
			for kind, body := range member(member(member(item, verb), "requestBody"), "content") {
				schema := member(body.(object), "schema") //nolint:errcheck,forcetypeassert // the document is ours
				name, named := strings.CutPrefix(text(schema["$ref"]), schemaPrefix)
				if !named || done[name] {
					continue
				}
				done[name] = true
				changed, err := asRequest(schemas, schemas[name], verb != "patch" && kind == jsonType)
				if err != nil {
					return fmt.Errorf("%s %s: %w", verb, path, err)
				}
				schemas[name] = changed
			}
		}
	}
	return nil
}

// asRequest returns a copy of a schema without defaults, and with nulls, whose optional members may be null; those of
// its members too.
func asRequest(schemas object, schema any, nulls bool) (object, error) {
	o, ok := schema.(object)
	if !ok {
		return nil, errors.New("a schema that is no object")
	}
	if name, referred := strings.CutPrefix(text(o["$ref"]), schemaPrefix); referred {
		if !nulls {
			return o, nil
		}
		return asRequest(schemas, schemas[name], nulls)
	}
	o = maps.Clone(o)
	if err := describeDefault(o); err != nil {
		return nil, err
	}
	properties, ok := o["properties"].(object)
	if !ok {
		return o, nil
	}
	required, _ := o["required"].([]any)
	changed := object{}
	for name, property := range properties {
		p, err := asRequest(schemas, property, nulls)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if nulls && !slices.Contains(required, any(name)) {
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

// describeDefault moves the default of a schema into its description.
func describeDefault(schema object) error {
	value, has := schema["default"]
	if !has {
		return nil
	}
	delete(schema, "default")
	raw, err := json.Marshal(value)
	if err != nil {
		return err
	}
	schema["description"] = strings.TrimLeft(text(schema["description"])+" The default is `"+
		strings.Trim(string(raw), `"`)+"`.", " ")
	return nil
}

func member(of object, name string) object {
	o, _ := of[name].(object)
	return o
}

func text(value any) string {
	s, _ := value.(string)
	return s
}
