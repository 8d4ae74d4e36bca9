package config

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Locate returns the mistakes with their sources: a line of the file, a variable, a flag. A default or a missing
// value has none.
func Locate(from Sources, mistakes Mistakes) Mistakes {
	if from.ReadFile == nil {
		from.ReadFile = os.ReadFile
	}
	env := readEnvironment(from.Environ, &Mistakes{})
	file := firstOf(from.File, env.file, DefaultFile)
	var document yaml.Node
	if content, err := from.ReadFile(file); err == nil && len(content) <= maxFile {
		parseNode(content, &document)
	}
	located := slices.Clone(mistakes)
	for i, m := range located {
		if flag, ok := from.Flags[m.Key]; ok && flag != "" {
			located[i].Source = "--" + strings.ReplaceAll(m.Key, "_", "-")
			continue
		}
		if variable := env.variableOf(m.Key); variable != "" {
			located[i].Source = variable
			continue
		}
		if line := lineOf(&document, stepsOf(m.Key)); line > 0 {
			located[i].Source = fmt.Sprintf("%s:%d", file, line)
		}
	}
	return located
}

func firstOf(names ...string) string {
	for _, name := range names {
		if name != "" {
			return name
		}
	}
	return ""
}

// parseNode parses the file for its line numbers. If it cannot be parsed there are none.
func parseNode(content []byte, into *yaml.Node) {
	defer func() {
		if recover() != nil { // the parser has panicked on hostile input before
			*into = yaml.Node{}
		}
	}()
	if yaml.Unmarshal(content, into) != nil {
		*into = yaml.Node{}
	}
}

// variableOf returns the variable that sets a key, or its file.
func (e environment) variableOf(key string) string {
	key, _, _ = strings.Cut(key, "[")
	for _, path := range []string{key, key + "_file"} {
		if value, ok := e.values[path]; ok {
			return value.From
		}
	}
	return ""
}

// stepsOf splits a key: "directories.corp.urls[0]" is directories, corp, urls, 0.
func stepsOf(key string) []string {
	return strings.FieldsFunc(key, func(r rune) bool { return strings.ContainsRune(".[]", r) })
}

// lineOf returns the line of the longest prefix of the key that the file contains; 0 if there is none.
func lineOf(node *yaml.Node, steps []string) int {
	for node.Kind == yaml.DocumentNode && len(node.Content) == 1 || node.Kind == yaml.AliasNode {
		if node.Kind == yaml.AliasNode {
			node = node.Alias
			continue
		}
		node = node.Content[0]
	}
	if len(steps) == 0 {
		return 0
	}
	line, next := step(node, steps[0])
	if next == nil {
		return 0
	}
	if deeper := lineOf(next, steps[1:]); deeper > 0 {
		return deeper
	}
	return line
}

// step returns the child of a node with the name, and its line.
func step(node *yaml.Node, name string) (int, *yaml.Node) {
	switch node.Kind {
	case yaml.MappingNode:
		return member(node, name)
	case yaml.SequenceNode:
		return element(node, name)
	default: // a scalar has no children
		return 0, nil
	}
}

func member(of *yaml.Node, name string) (int, *yaml.Node) {
	for i := 0; i+1 < len(of.Content); i += 2 {
		key := of.Content[i]
		if key.Value == name || strings.TrimSuffix(key.Value, "_file") == name {
			return key.Line, of.Content[i+1]
		}
	}
	return 0, nil
}

// element returns the item of a list by its index, or by its id, as directories are named.
func element(of *yaml.Node, name string) (int, *yaml.Node) {
	if at, err := strconv.Atoi(name); err == nil && at >= 0 && at < len(of.Content) {
		return of.Content[at].Line, of.Content[at]
	}
	for _, item := range of.Content {
		if _, id := step(item, "id"); id != nil && id.Value == name {
			return item.Line, item
		}
	}
	return 0, nil
}
