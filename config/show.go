package config

import (
	"encoding"
	"fmt"
	"reflect"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Masked returns the configuration as the tree of a file, with secrets masked.
func (c Config) Masked() map[string]any {
	tree, _ := treeOf(reflect.ValueOf(c)).(map[string]any)
	return tree
}

// YAML returns Masked as YAML, its keys in alphabetical order.
func (c Config) YAML() ([]byte, error) {
	text, err := yaml.Marshal(c.Masked())
	if err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return text, nil
}

// treeOf converts a bound value to its form in the file.
func treeOf(v reflect.Value) any {
	switch value := v.Interface().(type) {
	case Directory:
		return value.masked()
	case SMSHTTP:
		return structTree(reflect.ValueOf(value.masked()))
	case time.Duration:
		return formatDuration(value)
	case encoding.TextMarshaler:
		text, err := value.MarshalText()
		if err != nil {
			return mask
		}
		return string(text)
	}
	switch v.Kind() {
	case reflect.Struct:
		return structTree(v)
	case reflect.Slice:
		return listTree(v)
	case reflect.Map:
		return mapTree(v)
	case reflect.String:
		return maskURL(v.String())
	default:
		return v.Interface()
	}
}

func listTree(v reflect.Value) []any {
	list := make([]any, v.Len())
	for i := range list {
		list[i] = treeOf(v.Index(i))
	}
	return list
}

func mapTree(v reflect.Value) map[string]any {
	tree := map[string]any{}
	for name, value := range v.Seq2() {
		tree[name.String()] = treeOf(value)
	}
	return tree
}

func structTree(v reflect.Value) map[string]any {
	tree := map[string]any{}
	for _, field := range reflect.VisibleFields(v.Type()) {
		tree[field.Tag.Get("yaml")] = treeOf(v.FieldByIndex(field.Index))
	}
	return tree
}

// masked masks the parts where gateways expect their keys: {{.Secret}} is meant for them, but not everyone uses it.
func (h SMSHTTP) masked() SMSHTTP {
	if at := strings.IndexByte(h.URL, '?'); at >= 0 {
		h.URL = h.URL[:at+1] + mask
	}
	h.URL = maskURL(h.URL)
	if h.Body != "" {
		h.Body = mask
	}
	return h
}

// masked returns a directory with secrets masked. Only its type defines which settings are secrets, so that their
// names decide, at any depth.
func (d Directory) masked() map[string]any {
	tree := maskMap(d.settings(), false)
	tree["id"], tree["type"] = d.ID, d.Type
	return tree
}
