package smsgateway

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"strings"
)

// placeholder is all that a template may hold. It is not text/template, which a single use of costs a fifth of the
// program: it calls methods by name, so that the linker has to keep every method of everything.
var placeholder = regexp.MustCompile(`\{\{\s*(?:(json|query)\s+)?\.(To|Text|ID|Secret)\s*\}\}`)

// message is what the placeholders stand for: To, Text, ID and Secret.
type message map[string]string

// check refuses a text with anything in double braces but placeholders. The error does not quote it: a secret may be in
// it.
func check(what, text string) error {
	if strings.Contains(placeholder.ReplaceAllLiteralString(text, ""), "{{") {
		return fmt.Errorf(
			"the %s of the SMS gateway is no template: only .To, .Text, .ID and .Secret, quoted by json or query, stand in {{ }}", what)
	}
	return nil
}

// fill returns the text with the message in the place of its placeholders. What the message itself holds is not looked
// at.
func (m message) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(found string) string {
		parts := placeholder.FindStringSubmatch(found)
		return quote(parts[1], m[parts[2]])
	})
}

func quote(how, text string) string {
	switch how {
	case "json":
		quoted, _ := json.Marshal(text) // a string always has a form
		return string(quoted)
	case "query":
		return url.QueryEscape(text)
	default:
		return text
	}
}
