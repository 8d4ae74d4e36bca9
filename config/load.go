package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"reflect"
	"strings"

	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// DefaultFile is read if no file is named. It is optional.
const DefaultFile = "./ostiary.yaml"

// Sources are the sources of values. Later ones override earlier ones.
type Sources struct {
	// File is the YAML file. If it is empty, OSTIARY_CONFIG names the file, or else it is DefaultFile, which is
	// optional.
	File string
	// Environ holds the variables as in os.Environ. Those that do not start with OSTIARY_ are ignored.
	Environ []string
	// Flags are values by key, as in "http.address".
	Flags map[string]string
	// ReadFile reads the configuration and the files of secrets; nil means os.ReadFile.
	ReadFile func(name string) ([]byte, error)
}

const maxFile = 1 << 20

// Load reads and validates the configuration. The error is Mistakes: every error in any source and in the result. The
// configuration returned with an error holds what could be read, and serves only to find further errors.
func Load(from Sources) (Config, error) {
	if from.ReadFile == nil {
		from.ReadFile = os.ReadFile
	}
	b := binder{readFile: from.ReadFile}
	env := readEnvironment(from.Environ, &b.mistakes)
	if from.File == "" {
		from.File = env.file
	}
	tree := b.merge(b.parse(from), env, from.Flags)

	c := Default()
	b.bindStruct("", reflect.ValueOf(&c).Elem(), tree)
	b.mistakes = append(b.mistakes, c.check()...)
	return c, b.mistakes.err()
}

// parse reads the file. A failure is reported under the file's name.
func (b *binder) parse(from Sources) map[string]any {
	name, optional := from.File, false
	if name == "" {
		name, optional = DefaultFile, true
	}
	content, err := from.ReadFile(name)
	switch {
	case err != nil && optional && errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		b.mistakes.add(name, "cannot be read: %v", err)
		return nil
	case len(content) > maxFile:
		b.mistakes.add(name, "is larger than 1 MiB, which no configuration is")
		return nil
	}
	tree, err := parseYAML(content)
	if err != nil {
		b.mistakes.add(name, "%v", err)
	}
	return tree
}

// parseYAML parses a map. The parser's messages contain the line, and quote values of the wrong type, which could be
// secrets: the quotation is removed.
func parseYAML(content []byte) (tree map[string]any, err error) {
	defer func() {
		if r := recover(); r != nil { // the parser has panicked on hostile input before
			tree, err = nil, errors.New("is no YAML")
		}
	}()
	tree, err = yaml.Parser().Unmarshal(content)
	if err != nil {
		text := err.Error()
		if strings.Contains(text, "cannot unmarshal") {
			return nil, errors.New("must be a map of keys")
		}
		return nil, fmt.Errorf("is no YAML: %s", strings.Join(strings.Fields(strings.TrimPrefix(text, "yaml: ")), " "))
	}
	return tree, nil
}

// merge combines the sources.
func (b *binder) merge(file map[string]any, env environment, flags map[string]string) map[string]any {
	k := koanf.New(".")
	b.load(k, file, "")
	values := map[string]any{}
	for path, value := range env.values {
		values[path] = value
	}
	for path, text := range flags {
		values[path] = given{text, "flag"}
	}
	for _, key := range Keys() {
		_, plain := values[key.Path]
		if _, inFile := values[key.Path+"_file"]; key.Secret && (plain || inFile) {
			// A secret of a later source replaces an earlier one in either form.
			k.Delete(key.Path)
			k.Delete(key.Path + "_file")
		}
	}
	b.load(k, values, ".")
	tree := k.Raw()
	if len(env.directories) > 0 {
		list, _ := tree["directories"].([]any)
		b.applyEnvironment(list, env.directories)
	}
	return tree
}

func (b *binder) load(k *koanf.Koanf, values map[string]any, delimiter string) {
	if err := k.Load(confmap.Provider(values, delimiter), nil); err != nil {
		b.mistakes.add("configuration", "cannot be merged: %v", err)
	}
}
