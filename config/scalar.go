package config

import (
	"encoding"
	"fmt"
	"net/netip"
	"reflect"
	"strconv"
)

func (b *binder) bindScalar(key string, into reflect.Value, value any) {
	from := ""
	if text, ok := value.(given); ok {
		value, from = scalarOf(into, text.Text), " ("+text.From+")"
	}
	if problem := setScalar(into, value); problem != "" {
		b.mistakes.add(key, "%s%s", problem, from)
	}
}

// scalarOf parses text as its target type. Text that does not parse remains text, which is then reported as the wrong
// type.
func scalarOf(into reflect.Value, text string) any {
	switch {
	case into.Type() == durationType || into.Addr().Type().Implements(textType):
		return text
	case into.Kind() == reflect.Bool:
		if text == "true" || text == "false" {
			return text == "true"
		}
	case into.CanInt():
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			return n
		}
	}
	return text
}

// setScalar sets a value of exactly the target type and returns the problem with any other.
func setScalar(into reflect.Value, value any) (problem string) {
	if into.Kind() == reflect.Interface {
		into.Set(reflect.ValueOf(value))
		return ""
	}
	text, isText := value.(string)
	switch {
	case into.Type() == durationType:
		return setDuration(into, value)
	case into.Addr().Type().Implements(textType):
		return setText(into, text, isText)
	case into.Type() == secretType && isText:
		into.SetString(dropLineBreak(text))
	case into.Kind() == reflect.String && isText:
		into.SetString(text)
	case into.Kind() == reflect.String:
		return "must be text: put it in quotes"
	case into.Kind() == reflect.Bool:
		on, ok := value.(bool)
		if !ok {
			return "must be true or false"
		}
		into.SetBool(on)
	default:
		return setNumber(into, value)
	}
	return ""
}

func setText(into reflect.Value, text string, isText bool) (problem string) {
	reader, ok := reflect.TypeAssert[encoding.TextUnmarshaler](into.Addr())
	if !ok || !isText {
		return "must be text: put it in quotes"
	}
	err := reader.UnmarshalText([]byte(text))
	switch {
	case err != nil && into.Type() == reflect.TypeFor[netip.Prefix]():
		return fmt.Sprintf("%q is no network: write one as in 10.0.0.0/8, or 10.1.2.3/32 for one machine", maskURL(text))
	case err != nil:
		return fmt.Sprintf("%q is not right: %v", maskURL(text), err)
	}
	return ""
}

func setDuration(into reflect.Value, value any) (problem string) {
	const form = `must be a time with its unit, such as "30s", "5m", "12h" or "30d"`
	if n, ok := integer(value); ok && n == 0 {
		into.SetInt(0)
		return ""
	}
	text, ok := value.(string)
	if !ok {
		return form
	}
	d, err := parseDuration(text)
	if err != nil || d < 0 {
		return form
	}
	into.SetInt(int64(d))
	return ""
}

// setNumber sets whole numbers; no key is a fraction.
func setNumber(into reflect.Value, value any) (problem string) {
	if !into.CanInt() {
		return "cannot be configured: its type is one that no key has"
	}
	n, ok := integer(value)
	if !ok || into.OverflowInt(n) {
		return "must be a whole number, without quotes"
	}
	into.SetInt(n)
	return ""
}

func integer(value any) (int64, bool) {
	switch n := value.(type) {
	case int:
		return int64(n), true
	case int64:
		return n, true
	default:
		return 0, false
	}
}
