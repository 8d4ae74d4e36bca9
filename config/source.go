package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Locate returns the mistakes with their sources: a line of the file, a variable, a flag. A default or a missing
// value has none.
func Locate(from Sources, mistakes Mistakes) Mistakes {
	l := newLoader(from.ReadFile)
	l.read(from)
	located := slices.Clone(mistakes)
	for i, m := range located {
		located[i].Source = l.originOf(m.Key)
	}
	return located
}

// originOf returns the source of the longest prefix of the key that any source sets.
func (l *loader) originOf(key string) string {
	for key != "" {
		if origin := l.origins[key]; origin != "" {
			return origin
		}
		key = key[:max(0, strings.LastIndexAny(key, ".["))]
	}
	return ""
}

// setOrigin records that another source replaces the value of a key in the file.
func (l *loader) setOrigin(key, source string) {
	for inner := range l.origins {
		if strings.HasPrefix(inner, key+"[") || strings.HasPrefix(inner, key+".") {
			delete(l.origins, inner)
		}
	}
	l.origins[key] = source
}

// parseYAML parses a map and records the lines of its keys. The parser's messages contain the line, and quote values
// of the wrong type, which could be secrets: the quotation is removed.
func (l *loader) parseYAML(file string, content []byte) (tree map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil { // the parser has panicked on hostile input before
			tree, err = nil, errors.New("is no YAML")
		}
	}()
	var document yaml.Node
	if err = yaml.Unmarshal(content, &document); err == nil {
		err = document.Decode(&tree)
	}
	if err != nil {
		text := err.Error()
		if strings.Contains(text, "cannot unmarshal") {
			return nil, errors.New("must be a map of keys")
		}
		return nil, fmt.Errorf("is no YAML: %s", strings.Join(strings.Fields(strings.TrimPrefix(text, "yaml: ")), " "))
	}
	for _, root := range document.Content {
		l.recordLines(file, "", root)
	}
	normalize(tree)
	return tree, nil
}

// recordLines records the line of each key and list item of the file. Directories are also named by their ids.
func (l *loader) recordLines(file, key string, node *yaml.Node) {
	record := func(key string, line int, value *yaml.Node) {
		l.origins[key] = fmt.Sprintf("%s:%d", file, line)
		l.recordLines(file, key, value)
	}
	if node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	for i, item := range node.Content {
		switch {
		case node.Kind == yaml.SequenceNode:
			record(fmt.Sprintf("%s[%d]", key, i), item.Line, item)
			var d struct{ ID string }
			if key == "directories" && item.Decode(&d) == nil && l.origins[join(key, d.ID)] == "" {
				record(join(key, d.ID), item.Line, item)
			}
		case i%2 == 1:
			name := node.Content[i-1]
			record(join(key, name.Value), name.Line, item)
			if secret, isFile := strings.CutSuffix(name.Value, "_file"); isFile {
				l.origins[join(key, secret)] = l.origins[join(key, name.Value)]
			}
		}
	}
}

// normalize replaces maps with keys of any type, as the parser returns for keys such as 7, by maps of text keys.
func normalize(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name, item := range v {
			v[name] = normalize(item)
		}
	case map[any]any:
		named := make(map[string]any, len(v))
		for name, item := range v {
			named[fmt.Sprint(name)] = normalize(item)
		}
		return named
	case []any:
		for i, item := range v {
			v[i] = normalize(item)
		}
	}
	return value
}
