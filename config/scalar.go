package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
	"time"
)

func (l *loader) bindScalar(key string, into reflect.Value, value any) {
	from := ""
	if text, ok := value.(textValue); ok {
		value, from = parseText(into, text.Text), " ("+text.Source+")"
	}
	if problem := setScalar(into, value); problem != "" {
		l.mistakes.add(key, "%s%s", problem, from)
	}
}

// parseText parses text as its target type. Text that does not parse remains text, which is then reported as the wrong
// type.
func parseText(into reflect.Value, text string) any {
	if into.Type() == secretType {
		return text // setScalar drops the line break of every secret
	}
	text = dropLineBreak(text)
	if into.Kind() == reflect.Bool && (text == "true" || text == "false") {
		return text == "true"
	}
	if n, err := strconv.Atoi(text); err == nil && into.CanInt() {
		return n
	}
	return text
}

// setScalar sets a value of exactly the target type and returns the problem with any other.
func setScalar(into reflect.Value, value any) (problem string) {
	text, isText := value.(string)
	switch target := into.Addr().Interface().(type) {
	case *any:
		*target = value
		return ""
	case *time.Duration:
		return setDuration(target, text, value)
	case encoding.TextUnmarshaler:
		return setText(target, text, isText)
	case *Secret:
		text = dropLineBreak(text)
	}
	return setKind(into, value, text, isText)
}

// setKind sets text, a switch or a whole number; no key is a fraction.
func setKind(into reflect.Value, value any, text string, isText bool) (problem string) {
	switch into.Kind() {
	case reflect.String:
		if !isText {
			return mustBeText
		}
		into.SetString(text)
	case reflect.Bool:
		on, ok := value.(bool)
		if !ok {
			return "must be true or false"
		}
		into.SetBool(on)
	default:
		n, ok := value.(int)
		if !ok || !into.CanInt() || into.OverflowInt(int64(n)) {
			return "must be a whole number, without quotes"
		}
		into.SetInt(int64(n))
	}
	return ""
}

const mustBeText = "must be text: put it in quotes"

func setText(into encoding.TextUnmarshaler, text string, isText bool) (problem string) {
	if !isText {
		return mustBeText
	}
	err := into.UnmarshalText([]byte(text))
	if _, isNetwork := into.(*netip.Prefix); isNetwork && err != nil {
		return fmt.Sprintf("%q is no network: write one as in 10.0.0.0/8, or 10.1.2.3/32 for one machine", maskURL(text))
	}
	if err != nil {
		return fmt.Sprintf("%q is not right: %v", maskURL(text), err)
	}
	return ""
}

func setDuration(into *time.Duration, text string, value any) (problem string) {
	d, err := parseDuration(text)
	if value != 0 && (err != nil || d < 0) {
		return `must be a time with its unit, such as "30s", "5m", "12h" or "30d"`
	}
	*into = d
	return ""
}
