package config

import (
	"bytes"
	"encoding"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"
)

// given is a value in text form, from the environment or a flag, which is parsed by the type of its key.
type given struct {
	Text string
	From string
}

// binder fills a struct from a tree of values by its koanf tags. It is strict where general decoders are lenient: an
// unknown key, a number instead of a string, a string instead of a number are errors. It continues after an error to
// find all of them.
type binder struct {
	readFile func(name string) ([]byte, error)
	mistakes Mistakes
}

var (
	secretType   = reflect.TypeFor[Secret]()
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func (b *binder) bind(key string, into reflect.Value, value any) {
	if value == nil {
		return // "mail:" without a value is an empty section
	}
	if d, ok := reflect.TypeAssert[*Directory](into.Addr()); ok {
		b.bindDirectory(key, d, value)
		return
	}
	switch {
	case into.Type() == durationType || into.Addr().Type().Implements(textType):
		b.bindScalar(key, into, value)
	case into.Kind() == reflect.Struct:
		b.bindStruct(key, into, value)
	case into.Kind() == reflect.Slice:
		b.bindList(key, into, value)
	case into.Kind() == reflect.Map:
		b.bindMap(key, into, value)
	case into.Kind() == reflect.Pointer:
		into.Set(reflect.New(into.Type().Elem()))
		b.bind(key, into.Elem(), value)
	default:
		b.bindScalar(key, into, value)
	}
}

func (b *binder) bindStruct(key string, into reflect.Value, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		b.mistakes.add(key, "must be a map of keys")
		return
	}
	known := map[string]bool{}
	for _, field := range reflect.VisibleFields(into.Type()) {
		name := field.Tag.Get("koanf")
		if name == "" {
			continue
		}
		known[name] = true
		if field.Type == secretType {
			known[name+"_file"] = true
			b.bindSecretFile(join(key, name), into.FieldByIndex(field.Index), tree[name], tree[name+"_file"])
			continue
		}
		b.bind(join(key, name), into.FieldByIndex(field.Index), tree[name])
	}
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		if !known[name] {
			b.mistakes.add(join(key, name), "there is no such key%s", nearest(name, slices.Sorted(maps.Keys(known))))
		}
	}
}

// bindSecretFile binds a secret given by its value or by a file.
func (b *binder) bindSecretFile(key string, into reflect.Value, value, file any) {
	if file == nil || file == "" {
		b.bind(key, into, value)
		return
	}
	if value != nil && value != "" {
		b.mistakes.add(key, "is given twice: keep it or %s_file", key)
		return
	}
	var name string
	before := len(b.mistakes)
	b.bindScalar(key+"_file", reflect.ValueOf(&name).Elem(), file)
	if len(b.mistakes) == before {
		into.SetString(b.secretFrom(key+"_file", name))
	}
}

const (
	maxSecretFile = 64 << 10
	byteOrderMark = "\ufeff" // UTF-8, as editors on Windows write it
)

// secretFrom returns the content of a file without the line break that editors append.
func (b *binder) secretFrom(key, name string) string {
	content, err := b.readFile(name)
	switch {
	case err != nil:
		b.mistakes.add(key, "cannot be read: %v", err)
	case bytes.HasPrefix(content, []byte("\xff\xfe")), bytes.HasPrefix(content, []byte("\xfe\xff")):
		b.mistakes.add(key, "%s is in UTF-16: save it as UTF-8", name)
	case len(content) > maxSecretFile:
		b.mistakes.add(key, "%s is larger than 64 KiB, which no secret is", name)
	default:
		text := dropLineBreak(strings.TrimPrefix(string(content), byteOrderMark))
		if text == "" {
			b.mistakes.add(key, "%s is empty", name)
		}
		return text
	}
	return ""
}

func (b *binder) bindList(key string, into reflect.Value, value any) {
	if text, ok := value.(given); ok {
		value = splitText(text)
	}
	items, ok := value.([]any)
	if !ok {
		b.mistakes.add(key, "must be a list")
		return
	}
	list := reflect.MakeSlice(into.Type(), len(items), len(items))
	for i, item := range items {
		b.bind(fmt.Sprintf("%s[%d]", key, i), list.Index(i), item)
	}
	if len(items) == 0 {
		list = reflect.Zero(into.Type())
	}
	into.Set(list)
}

// splitText splits text at commas, the list form of the environment.
func splitText(text given) []any {
	var items []any
	for item := range strings.SplitSeq(text.Text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			items = append(items, given{item, text.From})
		}
	}
	return items
}

func (b *binder) bindMap(key string, into reflect.Value, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		b.mistakes.add(key, "must be a map, and stands in the file only")
		return
	}
	if len(tree) == 0 {
		into.SetZero()
		return
	}
	bound := reflect.MakeMap(into.Type())
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		item := reflect.New(into.Type().Elem()).Elem()
		b.bind(join(key, name), item, tree[name])
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
