package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// TypeBuiltin is the directory that stores passwords with our users.
const TypeBuiltin = "builtin"

// Directory is one directory: a permanent id, a type, and settings that only the type interprets.
type Directory struct {
	ID       string
	Type     string
	Settings map[string]any
}

// Decode fills settings, a pointer to a struct with koanf tags that may contain defaults, as strictly as the
// configuration itself. The error is Mistakes.
func (d Directory) Decode(settings any) error {
	v := reflect.ValueOf(settings)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decoding the settings of directory %s: no pointer to a struct", d.ID)
	}
	b := binder{}
	b.bindStruct("directories."+d.ID, v.Elem(), d.settings())
	return b.mistakes.err()
}

func (d Directory) settings() map[string]any {
	if d.Settings == nil {
		return map[string]any{}
	}
	return d.Settings
}

// bindDirectory removes id and type from the map; the rest are the settings. Secrets among them may be in files.
func (b *binder) bindDirectory(key string, d *Directory, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		b.mistakes.add(key, "must be a map with id and type")
		return
	}
	settings := maps.Clone(tree)
	b.bind(key+".id", reflect.ValueOf(&d.ID).Elem(), tree["id"])
	b.bind(key+".type", reflect.ValueOf(&d.Type).Elem(), tree["type"])
	delete(settings, "id")
	delete(settings, "type")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if secret, isFile := strings.CutSuffix(name, "_file"); isFile && isSecretName(secret) {
			var text Secret
			b.bindSecretFile(join(key, secret), reflect.ValueOf(&text).Elem(), settings[secret], settings[name])
			settings[secret] = text.Reveal()
			delete(settings, name)
		} else if text, isText := settings[name].(string); isText && isSecretName(name) {
			settings[name] = dropLineBreak(text)
		}
	}
	if len(settings) > 0 {
		d.Settings = settings
	}
}

// isSecretName reports by its name whether a directory's setting is a secret; directory types name theirs with one of
// these words at the end.
func isSecretName(name string) bool {
	return slices.ContainsFunc([]string{"password", "secret", "token", "private_key"}, func(word string) bool {
		return name == word || strings.HasSuffix(name, "_"+word)
	})
}

// applyEnvironment adds secrets of directories from the environment to the list:
// OSTIARY_DIRECTORIES_CORP_BIND_PASSWORD is bind_password of the directory corp. Other settings are only read from
// the file, which has types.
func (b *binder) applyEnvironment(directories []any, variables map[string]given) {
	for _, name := range slices.Sorted(maps.Keys(variables)) {
		value := variables[name]
		if !b.applyVariable(directories, name, value.Text) {
			b.mistakes.add(value.From, "no directory has such a secret: it is %sDIRECTORIES_<ID>_<SETTING> or …_FILE", envPrefix)
		}
	}
}

func (b *binder) applyVariable(directories []any, name, text string) bool {
	for _, item := range directories {
		tree, _ := item.(map[string]any)
		id, _ := tree["id"].(string)
		setting, ok := strings.CutPrefix(name, strings.TrimPrefix(envName(id), envPrefix)+"_")
		setting = strings.ToLower(setting)
		secret := strings.TrimSuffix(setting, "_file")
		if id == "" || !ok || !isSecretName(secret) {
			continue
		}
		delete(tree, secret)
		delete(tree, secret+"_file")
		tree[setting] = text
		return true
	}
	return false
}
