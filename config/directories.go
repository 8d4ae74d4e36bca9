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

// Decode fills settings, a pointer to a struct with yaml tags that may contain defaults, as strictly as the
// configuration itself. The error is Mistakes.
func (d Directory) Decode(settings any) error {
	v := reflect.ValueOf(settings)
	if v.Kind() != reflect.Pointer || v.Elem().Kind() != reflect.Struct {
		return fmt.Errorf("decoding the settings of directory %s: no pointer to a struct", d.ID)
	}
	l := newLoader(nil)
	l.bindStruct("directories."+d.ID, v.Elem(), d.settings())
	return l.mistakes.err()
}

func (d Directory) settings() map[string]any {
	if d.Settings == nil {
		return map[string]any{}
	}
	return d.Settings
}

// bindDirectory removes id and type from the map; the rest are the settings. Secrets among them may be in files.
func (l *loader) bindDirectory(key string, d *Directory, value any) {
	tree, ok := value.(map[string]any)
	if !ok {
		l.mistakes.add(key, "must be a map with id and type")
		return
	}
	settings := maps.Clone(tree)
	l.bind(key+".id", reflect.ValueOf(&d.ID).Elem(), tree["id"])
	l.bind(key+".type", reflect.ValueOf(&d.Type).Elem(), tree["type"])
	delete(settings, "id")
	delete(settings, "type")
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		if secret, isFile := strings.CutSuffix(name, "_file"); isFile && isSecretName(secret) {
			var text Secret
			l.bindSecretFile(join(key, secret), reflect.ValueOf(&text).Elem(), settings[secret], settings[name])
			settings[secret] = text.Reveal()
			delete(settings, name)
			continue
		}
		if variable, ok := settings[name].(textValue); ok {
			settings[name] = variable.Text
		}
		if text, isText := settings[name].(string); isText && isSecretName(name) {
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

// setDirectorySecrets sets secrets of directories from the environment: OSTIARY_DIRECTORIES_CORP_BIND_PASSWORD is
// bind_password of the directory corp. Other settings are only read from the file, which has types.
func (l *loader) setDirectorySecrets(tree map[string]any, variables []textValue) {
	list, _ := tree["directories"].([]any)
	for _, variable := range variables {
		if !l.setDirectorySecret(list, variable) {
			l.mistakes.add(variable.Source, "no directory has such a secret: it is %sDIRECTORIES_<ID>_<SETTING> or …_FILE",
				envPrefix)
		}
	}
}

func (l *loader) setDirectorySecret(directories []any, variable textValue) (found bool) {
	for _, item := range directories {
		tree, _ := item.(map[string]any)
		id, _ := tree["id"].(string)
		name, ok := strings.CutPrefix(variable.Source, envName("directories."+id)+"_")
		name = strings.ToLower(name)
		secret := strings.TrimSuffix(name, "_file")
		if id == "" || !ok || !isSecretName(secret) {
			continue
		}
		delete(tree, secret)
		delete(tree, secret+"_file")
		tree[name] = variable
		l.setOrigin("directories."+id+"."+secret, variable.Source)
		return true
	}
	return false
}
