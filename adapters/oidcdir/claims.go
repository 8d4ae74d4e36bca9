package oidcdir

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/go-json-experiment/json"
)

const (
	maxValues     = 1000
	longestValue  = 512
	latestSeconds = 1 << 40
)

// claims are the members of a token or of the userinfo response by their exact names.
type claims map[string]any

// UnmarshalJSON refuses input that two parsers could read differently: a duplicate name, and bytes that are not
// UTF-8.
func (c *claims) UnmarshalJSON(data []byte) error {
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return err
	}
	*c = m
	return nil
}

// text returns a string claim, or "".
func (c claims) text(name string) string {
	s, _ := c[name].(string)
	return s
}

// time returns a claim in seconds since 1970.
func (c claims) time(name string) (time.Time, bool) {
	n, ok := c[name].(float64)
	if !ok || math.IsNaN(n) || n <= 0 || n > latestSeconds {
		return time.Time{}, false
	}
	return time.Unix(int64(n), 0).UTC(), true
}

// at returns the value at a path. A claim whose whole name is the path takes precedence: names may contain dots.
func (c claims) at(path string) (any, bool) {
	if value, ok := c[path]; ok {
		return value, true
	}
	for i := range len(path) {
		if path[i] != '.' {
			continue
		}
		if inner, ok := c[path[:i]].(map[string]any); ok {
			if value, ok := claims(inner).at(path[i+1:]); ok {
				return value, true
			}
		}
	}
	return nil, false
}

// string returns the string at a path, or "" if there is none.
func (c claims) string(path string) string {
	value, _ := c.at(path)
	s, _ := value.(string)
	if len(s) > longestValue {
		return ""
	}
	return strings.TrimSpace(s)
}

// values returns the strings at a path: the elements of an array, one string, or the keys of an object, as in
// Zitadel's roles.
func (c claims) values(path string) []string {
	value, _ := c.at(path)
	var texts []string
	switch v := value.(type) {
	case string:
		texts = []string{v}
	case []any:
		for _, element := range v {
			if s, ok := element.(string); ok {
				texts = append(texts, s)
			}
		}
	case map[string]any:
		for key := range v {
			texts = append(texts, key)
		}
		slices.Sort(texts)
	}
	texts = slices.DeleteFunc(texts, func(s string) bool { return s == "" || len(s) > longestValue })
	return texts[:min(len(texts), maxValues)]
}

// isTrue parses a boolean, "true" (Cognito), or 1 and "1" (Entra's xms_edov).
func (c claims) isTrue(path string) bool {
	value, _ := c.at(path)
	switch v := value.(type) {
	case bool:
		return v
	case string:
		return v == "true" || v == "1"
	case float64:
		return v == 1
	}
	return false
}

// has reports whether there is a value at the path.
func (c claims) has(path string) bool {
	_, ok := c.at(path)
	return ok
}

// overlap reports whether any of the values is wanted.
func overlap(values, wanted []string) bool {
	return slices.ContainsFunc(values, func(value string) bool { return slices.Contains(wanted, value) })
}
