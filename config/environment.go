package config

import (
	"regexp"
	"slices"
	"strings"
)

// ConfigVariable names the configuration file if no flag does.
const ConfigVariable = envPrefix + "CONFIG"

// foreign matches variables that are not configuration: those of our own tests, which start the program with their
// environment, and those that Kubernetes sets for services whose names begin with ours ("service links"). A pod that
// refused to start because of them would be hard to diagnose.
var foreign = regexp.MustCompile(`^OSTIARY_(TEST_|REQUIRE_|([A-Z0-9_]+_)?(SERVICE_HOST=|SERVICE_PORT(_[A-Z0-9_]+)?=|` +
	`PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?=|PORT=(?s:.*)://))`)

// textValue is a value of a variable or a flag, which is parsed by the type of its key.
type textValue struct {
	Text   string
	Source string // "OSTIARY_LOG_LEVEL", "--data-dir"
}

// environment holds the variables: values by key, and those that may belong to a directory.
type environment struct {
	file        string
	values      map[string]textValue // by key; names of secret files under <key>_file
	directories []textValue
}

// dropLineBreak removes one trailing line break, which editors and `echo secret | base64` append.
func dropLineBreak(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

// readEnvironment sorts the variables that start with OSTIARY_. An empty variable counts as absent, since a compose
// file sets an unset one to the empty string.
func (l *loader) readEnvironment(environ []string) environment {
	env := environment{values: map[string]textValue{}}
	keys, names := map[string]string{}, []string{ConfigVariable}
	for _, key := range Keys() {
		if key.Env == "" {
			continue
		}
		keys[key.Env], names = key.Path, append(names, key.Env)
		if key.Secret {
			keys[key.Env+"_FILE"], names = key.Path+"_file", append(names, key.Env+"_FILE")
		}
	}
	for _, assignment := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(assignment, "=")
		if !strings.HasPrefix(name, envPrefix) || dropLineBreak(text) == "" || foreign.MatchString(assignment) {
			continue
		}
		switch key := keys[name]; {
		case name == ConfigVariable:
			env.file = dropLineBreak(text)
		case key != "":
			env.values[key] = textValue{text, name}
		case strings.HasPrefix(name, envPrefix+"DIRECTORIES_"):
			env.directories = append(env.directories, textValue{text, name})
		default:
			l.mistakes.add(name, "there is no such variable%s", nearest(name, names))
		}
	}
	return env
}
