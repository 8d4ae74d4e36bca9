package config

import (
	"bytes"
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

var (
	secretType = reflect.TypeFor[Secret]()
	textType   = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// bind sets a value by its type and the yaml tags of its fields. It is strict where general decoders are lenient: an
// unknown key, a number instead of a string, a string instead of a number are mistakes.
func (l *loader) bind(key string, into reflect.Value, value any) {
	if value == nil {
		return // "mail:" without a value is an empty section
	}
	if d, ok := reflect.TypeAssert[*Directory](into.Addr()); ok {
		l.bindDirectory(key, d, value)
		return
	}
	if into.Addr().Type().Implements(textType) {
		l.bindScalar(key, into, value)
		return
	}
	switch into.Kind() {
	case reflect.Struct:
		l.bindStruct(key, into, value)
	case reflect.Slice:
		l.bindList(key, into, value)
	case reflect.Map:
		l.bindMap(key, into, value)
	case reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		l.bind(key, into.Elem(), value)
	default:
		l.bindScalar(key, into, value)
	}
}

func (l *loader) bindStruct(key string, into reflect.Value, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		l.mistakes.add(key, "must be a map of keys")
		return
	}
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(into.Type()) {
		name := field.Tag.Get("yaml")
		if name == "" {
			continue
		}
		known[name] = true
		if field.Type == secretType {
			known[name+"_file"] = true
			l.bindSecretFile(join(key, name), into.FieldByIndex(field.Index), tree[name], tree[name+"_file"])
			continue
		}
		l.bind(join(key, name), into.FieldByIndex(field.Index), tree[name])
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !known[name] {
			l.mistakes.add(join(key, name), "there is no such key%s", nearest(name, slices.Sorted(maps.Keys(known))))
		}
	}
}

// bindSecretFile binds a secret given by its value or by a file.
func (l *loader) bindSecretFile(key string, into reflect.Value, value, file any) {
	if file == nil || file == "" {
		l.bind(key, into, value)
		return
	}
	if value != nil && value != "" {
		l.mistakes.add(key, "is given twice: keep it or %s_file", key)
		return
	}
	var name string
	l.bindScalar(key+"_file", reflect.ValueOf(&name).Elem(), file)
	if name != "" {
		into.SetString(l.readSecret(key+"_file", name))
	}
}

const (
	maxSecretFile = 64 << 10
	byteOrderMark = "\ufeff" // UTF-8, as editors on Windows write it
)

// readSecret returns the content of a file without the line break that editors append.
func (l *loader) readSecret(key, name string) string {
	content, err := l.readFile(name)
	switch {
	case err != nil:
		l.mistakes.add(key, "cannot be read: %v", err)
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		l.mistakes.add(key, "%s is in UTF-16: save it as UTF-8", name)
	case len(content) > maxSecretFile:
		l.mistakes.add(key, "%s is larger than 64 KiB, which no secret is", name)
	default:
		text := dropLineBreak(strings.TrimPrefix(string(content), byteOrderMark))
		if text == "" {
			l.mistakes.add(key, "%s is empty", name)
		}
		return text
	}
	return ""
}

func (l *loader) bindList(key string, into reflect.Value, value any) {
	if text, ok := value.(textValue); ok {
		value = splitText(text)
	}
	items, ok := value.([]any)
	if !ok {
		l.mistakes.add(key, "must be a list")
		return
	}
	list := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		l.bind(fmt.Sprintf("%s[%d]", key, i), list.Index(i), item)
	}
	if len(items) == 0 {
		list = reflect.Zero(into.Type())
	}
	into.Set(list)
}

// splitText splits text at commas, the list form of the environment.
func splitText(text textValue) []any {
	var items []any
	for item := range strings.SplitSeq(text.Text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, textValue{item, text.Source})
		}
	}
	return items
}

func (l *loader) bindMap(key string, into reflect.Value, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		l.mistakes.add(key, "must be a map, and is set in the file only")
		return
	}
	if len(tree) == 0 {
		into.SetZero()
		return
	}
	bound := reflect.MakeMap(into.Type())
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		item := reflect.New(into.Type().Elem()).Elem()
		l.bind(join(key, name), item, tree[name])
		bound.SetMapIndex(reflect.ValueOf(name), item)
	}
	into.Set(bound)
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}
