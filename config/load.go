package config

import (
	"errors"
	"io/fs"
	"os"
	"reflect"
	"strings"
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

// loader reads the sources into one tree and binds it to a Config. It continues after a mistake to find all of them.
type loader struct {
	readFile func(name string) ([]byte, error)
	mistakes Mistakes
	origins  map[string]string // the sources of values by key: a line of the file, a variable, a flag
}

func newLoader(readFile func(name string) ([]byte, error)) *loader {
	if readFile == nil {
		readFile = os.ReadFile
	}
	return &loader{readFile: readFile, origins: map[string]string{}}
}

// Load reads and validates the configuration. The error is Mistakes: every error in any source and in the result. The
// configuration returned with an error holds what could be read, and serves only to find further errors.
func Load(from Sources) (Config, error) {
	l, c := newLoader(from.ReadFile), Default()
	l.bindStruct("", reflect.ValueOf(&c).Elem(), l.read(from))
	l.mistakes = append(l.mistakes, c.check()...)
	return c, l.mistakes.err()
}

// read returns the values of all sources as one tree.
func (l *loader) read(from Sources) map[string]any {
	env := l.readEnvironment(from.Environ)
	name, optional := from.File, false
	if name == "" {
		name = env.file
	}
	if name == "" {
		name, optional = DefaultFile, true
	}
	tree := l.parseFile(name, optional)
	for key, text := range from.Flags {
		name := key[strings.LastIndexByte(key, '.')+1:]
		env.values[key] = textValue{text, "--" + strings.ReplaceAll(name, "_", "-")}
	}
	l.override(tree, env.values)
	l.setDirectorySecrets(tree, env.directories)
	return tree
}

// parseFile reads and parses the file. A failure is reported under the file's name.
func (l *loader) parseFile(name string, optional bool) map[string]any {
	content, err := l.readFile(name)
	switch {
	case err != nil && optional && errors.Is(err, fs.ErrNotExist):
	case err != nil:
		l.mistakes.add(name, "cannot be read: %v", err)
	case len(content) > maxFile:
		l.mistakes.add(name, "is larger than 1 MiB, which no configuration is")
	default:
		tree, err := l.parseYAML(name, content)
		if err == nil && tree != nil {
			return tree
		}
		if err != nil {
			l.mistakes.add(name, "%v", err)
		}
	}
	return map[string]any{}
}

// override replaces values of the file. A secret of a later source replaces an earlier one in either form: its value
// and the name of its file.
func (l *loader) override(tree map[string]any, values map[string]textValue) {
	for _, key := range Keys() {
		value, given := values[key.Path]
		file, inFile := values[key.Path+"_file"]
		if !given && !inFile {
			continue
		}
		section, name := sectionOf(tree, key.Path)
		delete(section, name)
		delete(section, name+"_file")
		if given {
			section[name] = value
			l.setOrigin(key.Path, value.Source)
		}
		if inFile {
			section[name+"_file"] = file
			l.setOrigin(key.Path, file.Source)
		}
	}
}

// sectionOf returns the section of a key, which it creates, and the last name of the key.
func sectionOf(tree map[string]any, key string) (section map[string]any, name string) {
	for {
		head, rest, nested := strings.Cut(key, ".")
		if !nested {
			return tree, key
		}
		inner, ok := tree[head].(map[string]any)
		if !ok {
			inner = map[string]any{}
			tree[head] = inner
		}
		tree, key = inner, rest
	}
}
