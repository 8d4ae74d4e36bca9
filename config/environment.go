package config

import (
	"regexp"
	"strings"
)

// ConfigVariable names the configuration file if no flag does.
const ConfigVariable = envPrefix + "CONFIG"

// orchestrator matches the variables that Kubernetes sets for services whose names begin with ours ("service links").
// They are not configuration, and a pod that refused to start because of them would be hard to diagnose.
var orchestrator = regexp.MustCompile(`^OSTIARY_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// testing lists the prefixes of variables of our own tests, which start the program with their environment.
var testing = []string{"OSTIARY_TEST_", "OSTIARY_REQUIRE_"}

func foreign(name, value string) bool {
	for _, prefix := range testing {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	link := strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
	return link || orchestrator.MatchString(name)
}

// environment holds the variables: values by key, and those that may belong to a directory.
type environment struct {
	file        string
	values      map[string]given // by path; secrets in files under <path>_file
	directories map[string]given // by the rest of the name after OSTIARY_DIRECTORIES_
}

// dropLineBreak removes one trailing line break, which editors and `echo secret | base64` append.
func dropLineBreak(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

// variable is one of our environment variables.
type variable struct {
	path   string // of its key; for a secret in a file, that of its file
	secret bool
}

// knownVariables returns the variables of all keys by name, and their names in order.
func knownVariables() (known map[string]variable, names []string) {
	known, names = map[string]variable{}, []string{ConfigVariable}
	for _, key := range Keys() {
		if key.Env == "" {
			continue
		}
		known[key.Env] = variable{path: key.Path, secret: key.Secret}
		names = append(names, key.Env)
		if key.Secret {
			known[key.Env+"_FILE"] = variable{path: key.Path + "_file"}
			names = append(names, key.Env+"_FILE")
		}
	}
	return known, names
}

// readEnvironment sorts the variables that start with OSTIARY_, each without a trailing line break. An empty variable
// counts as absent, since a compose file sets an unset one to the empty string.
func readEnvironment(environ []string, mistakes *Mistakes) environment {
	env := environment{values: map[string]given{}, directories: map[string]given{}}
	known, names := knownVariables()
	for _, assignment := range environ {
		name, value, _ := strings.Cut(assignment, "=")
		text := dropLineBreak(value)
		if !strings.HasPrefix(name, envPrefix) || text == "" || foreign(name, text) {
			continue
		}
		if setting, found := strings.CutPrefix(name, envPrefix+"DIRECTORIES_"); found && known[name].path == "" {
			env.directories[setting] = given{directoryValue(name, value), name}
			continue
		}
		switch v := known[name]; {
		case name == ConfigVariable:
			env.file = text
		case v.secret: // the binder drops the line break of every secret, from any source
			env.values[v.path] = given{value, name}
		case v.path != "":
			env.values[v.path] = given{text, name}
		default:
			mistakes.add(name, "there is no such variable%s", nearest(name, names))
		}
	}
	return env
}

// directoryValue returns the secret of a directory unchanged, and the name of a file without a line break.
func directoryValue(name, value string) string {
	if strings.HasSuffix(name, "_FILE") {
		return dropLineBreak(value)
	}
	return value
}
