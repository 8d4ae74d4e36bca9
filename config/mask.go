package config

import (
	"regexp"
	"strings"
)

// secretEndings are the endings of names of settings, query parameters and headers whose values are masked, without
// "_" and "-".
var secretEndings = []string{
	"password", "passwd", "pwd", "pass", "passphrase", "secret", "token", "key", "credential", "credentials", "auth",
	"authorization", "signature", "sig",
}

// mayBeSecret reports by its name whether a value is masked. It matches more names than isSecretName, which decides
// where a secret may be configured.
func mayBeSecret(name string) bool {
	name = strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
	for _, ending := range secretEndings {
		if strings.HasSuffix(name, ending) {
			return true
		}
	}
	return false
}

// holdsSecrets reports by its name whether a map contains parameters or headers, any of which may be a secret.
func holdsSecrets(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "params") || strings.HasSuffix(name, "headers")
}

func isURLName(name string) bool {
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "url") || strings.HasSuffix(name, "uri")
}

// maskValue returns a setting with possible secrets masked, at any depth.
func maskValue(name string, value any) any {
	switch v := value.(type) {
	case nil:
		return nil
	case map[string]any:
		return maskMap(v, holdsSecrets(name) || mayBeSecret(name))
	case []any:
		list := make([]any, len(v))
		for i, item := range v {
			list[i] = maskValue(name, item)
		}
		return list
	case string:
		if v == "" || !mayBeSecret(name) && !isURLName(name) {
			return maskURL(v)
		}
		if mayBeSecret(name) {
			return mask
		}
		return maskURL(maskUser(v))
	}
	if mayBeSecret(name) {
		return mask
	}
	return value
}

func maskMap(settings map[string]any, all bool) map[string]any {
	shown := make(map[string]any, len(settings))
	for name, value := range settings {
		shown[name] = maskValue(name, value)
		if all && value != nil && value != "" {
			shown[name] = mask
		}
	}
	return shown
}

var urlScheme = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9+.-]*://`)

// maskURL returns a URL without its user and password and without the values of parameters that are secrets by their
// name. Any other text is returned unchanged.
func maskURL(text string) string {
	scheme := urlScheme.FindString(text)
	if scheme == "" {
		return text
	}
	return scheme + maskQuery(maskUser(text[len(scheme):]))
}

// maskUser masks the part before the host, also if the password contains a "/" or "?" that should have been escaped.
func maskUser(rest string) string {
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	at := strings.LastIndexByte(authority, '@')
	_, port, found := strings.Cut(authority, ":")
	if isPort := strings.Trim(port, "0123456789") == ""; at < 0 && found && !isPort && authority[0] != '[' {
		at = strings.LastIndexByte(rest, '@')
	}
	if at < 0 {
		return rest
	}
	return mask + rest[at:]
}

func maskQuery(rest string) string {
	before, query, found := strings.Cut(rest, "?")
	if !found {
		return rest
	}
	parameters := strings.Split(query, "&")
	for i, parameter := range parameters {
		if name, value, _ := strings.Cut(parameter, "="); value != "" && mayBeSecret(name) {
			parameters[i] = name + "=" + mask
		}
	}
	return before + "?" + strings.Join(parameters, "&")
}
