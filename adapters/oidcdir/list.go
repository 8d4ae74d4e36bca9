package oidcdir

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// largestExact is the largest whole number that a JSON number keeps exactly.
const largestExact = 1 << 53

// list returns the values at a path, in the forms in which providers write groups: an array of texts, numbers or
// objects, one of these alone, a text that is divided at the separator, or the keys of an object. A missing claim and
// null are none. The error says what could not be read; the values are those that could.
func (c claims) list(path, separator string) ([]string, error) {
	value, _ := c.at(path)
	var values []string
	var err error
	switch v := value.(type) {
	case nil:
	case string:
		values = []string{v}
		if separator != "" {
			values = strings.Split(v, separator)
		}
	case []any:
		values, err = elements(v)
	case map[string]any:
		if text, ok := element(v); ok {
			values = []string{text}
		} else {
			values = c.values(path)
			if len(values) < len(v) {
				err = errors.New("it has keys that are empty, too long or too many")
			}
		}
	default:
		text, ok := element(v)
		if !ok {
			return nil, fmt.Errorf("it is %s", form(v))
		}
		values = []string{text}
	}
	return fitting(values, err)
}

// elements returns the texts of an array.
func elements(array []any) (values []string, err error) {
	for _, one := range array {
		if text, ok := element(one); ok {
			values = append(values, text)
		} else {
			err = fmt.Errorf("one of its values is %s", form(one))
		}
	}
	return values, err
}

// element returns a text, a whole number as a text, or the name or else the value of an object.
func element(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case float64:
		// A number that was rounded might be another group's.
		whole := v == math.Trunc(v) && math.Abs(v) < largestExact
		return strconv.FormatFloat(v, 'f', -1, 64), whole
	case map[string]any:
		for _, key := range []string{"name", "value"} {
			if text, ok := v[key].(string); ok && text != "" {
				return text, true
			}
		}
	}
	return "", false
}

// fitting removes blanks and empty texts, and refuses what is longer or more than fits.
func fitting(values []string, err error) ([]string, error) {
	var kept []string
	for _, value := range values {
		switch value = strings.TrimSpace(value); {
		case len(value) > longestValue:
			err = fmt.Errorf("one of its values is longer than %d bytes", longestValue)
		case value != "":
			kept = append(kept, value)
		}
	}
	if len(kept) > maxValues {
		return slices.Clip(kept[:maxValues]), fmt.Errorf("it has more than %d values", maxValues)
	}
	return kept, err
}

// form names the form of a value for the audit trail, without the value.
func form(value any) string {
	switch value.(type) {
	case nil:
		return "null"
	case bool:
		return "true or false"
	case float64:
		return "a number that is not whole or too large"
	case []any:
		return "an array"
	}
	return "an object without a name or value"
}
