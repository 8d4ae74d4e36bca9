package config

import (
	"reflect"
	"strings"
)

// Key is one configuration key with a value.
type Key struct {
	Path   string // as in "storage.mongodb.uri"
	Env    string // the variable: OSTIARY_STORAGE_MONGODB_URI; empty if only the file can set it
	Secret bool   // may also be read from a file: <path>_file, <env>_FILE
}

// envPrefix is the prefix of our variables.
const envPrefix = "OSTIARY_"

// Keys returns all keys in the order of the Config type. The settings of directories are not included: their types
// define them.
func Keys() []Key { return keysOf("", reflect.TypeFor[Config]()) }

func keysOf(prefix string, of reflect.Type) []Key {
	var keys []Key
	for _, field := range reflect.VisibleFields(of) {
		name := field.Tag.Get("yaml")
		path := join(prefix, name)
		switch {
		case name == "":
		case field.Type.Kind() == reflect.Struct && !reflect.PointerTo(field.Type).Implements(textType):
			keys = append(keys, keysOf(path, field.Type)...)
		case field.Type.Kind() == reflect.Map || field.Type == reflect.TypeFor[[]Directory]():
			keys = append(keys, Key{Path: path})
		default:
			keys = append(keys, Key{Path: path, Env: envName(path), Secret: field.Type == secretType})
		}
	}
	return keys
}

func envName(path string) string {
	return envPrefix + strings.ToUpper(strings.NewReplacer(".", "_", "-", "_").Replace(path))
}
