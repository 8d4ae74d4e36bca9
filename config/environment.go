package config

import (
	"regexp"
	"strings"
)

// ConfigVariable names the file to read when no flag does.
const ConfigVariable = envPrefix + "CONFIG"

// orchestrator are the variables that Kubernetes sets for services whose names begin with ours ("service links"). Nobody
// meant them for us, and a pod that refused to start over them would be a riddle.
var orchestrator = regexp.MustCompile(`^OSTIARY_([A-Z0-9_]+_)?(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// testing are the variables of our own tests, which start the program with what they have.
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

// environment is what the variables say: values by key, and those that may belong to a directory.
type environment struct {
	file        string
	values      map[string]given // by path; secrets in files under <path>_file
	directories map[string]given // by what follows OSTIARY_DIRECTORIES_
}

// dropLineBreak removes one line break at the end, which editors and `echo secret | base64` put there.
func dropLineBreak(text string) string {
	return strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
}

// readEnvironment sorts the variables that start with OSTIARY_, each without a line break at its end. An empty one counts as absent, since that is what a
// compose file makes of one that is not set.
func readEnvironment(variables []string, mistakes *Mistakes) environment {
	env := environment{values: map[string]given{}, directories: map[string]given{}}
	paths, names := map[string]string{}, []string{ConfigVariable}
	secrets := map[string]bool{} // of which the binder drops the line break, as it does for the file's
	for _, key := range Keys() {
		if key.Env == "" {
			continue
		}
		paths[key.Env] = key.Path
		names = append(names, key.Env)
		secrets[key.Env] = key.Secret
		if key.Secret {
			paths[key.Env+"_FILE"] = key.Path + "_file"
			names = append(names, key.Env+"_FILE")
		}
	}
	for _, variable := range variables {
		name, value, _ := strings.Cut(variable, "=")
		text := dropLineBreak(value)
		if !strings.HasPrefix(name, envPrefix) || text == "" || foreign(name, text) {
			continue
		}
		setting, ofDirectory := strings.CutPrefix(name, envPrefix+"DIRECTORIES_")
		if !secrets[name] && (!ofDirectory || strings.HasSuffix(name, "_FILE")) {
			value = text
		}
		path, known := paths[name]
		switch {
		case name == ConfigVariable:
			env.file = value
		case known:
			env.values[path] = given{value, name}
		case ofDirectory:
			env.directories[setting] = given{value, name}
		default:
			mistakes.add(name, "there is no such variable%s", nearest(name, names))
		}
	}
	return env
}
