package main

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// keywords are the minimum and maximum keywords of each type.
var keywords = map[string][2]string{
	"string": {"minLength", "maxLength"}, "array": {"minItems", "maxItems"}, "integer": {"minimum", "maximum"},
}

// declare replaces what the topics leave to the code: "x-limit" and "x-max" name a limit of domain.Limits, "x-pattern"
// a form of domain.Patterns, "x-settings" a policy of the settings, "x-patch-of" a schema whose members are all
// optional.
func declare(document object) error {
	if err := addLimits(document); err != nil {
		return err
	}
	schemas := member(member(document, "components"), "schemas")
	for name, schema := range schemas {
		o, _ := schema.(object)
		if err := addSettings(o); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	for _, schema := range schemas {
		o, _ := schema.(object)
		if of := text(o["x-patch-of"]); of != "" {
			delete(o, "x-patch-of")
			o["type"], o["additionalProperties"] = "object", false
			o["properties"] = member(member(schemas, of), "properties")
		}
	}
	return nil
}

// addSettings completes the schema of a policy, and the example of all settings.
func addSettings(schema object) error {
	policy, properties := text(schema["x-settings"]), member(schema, "properties")
	delete(schema, "x-settings")
	example := object{}
	var required []any
	for _, setting := range domain.SecuritySettings {
		of, name, _ := strings.Cut(setting.Name, ".")
		if member(example, of) == nil {
			example[of] = object{}
		}
		member(example, of)[name] = setting.Default
		if of != policy {
			continue
		}
		property := member(properties, name)
		if property == nil {
			return fmt.Errorf("no property %s", name)
		}
		required = append(required, name)
		if setting.Limit != (domain.Limit{}) {
			property["minimum"], property["maximum"] = setting.Limit.Min, setting.Limit.Max
		}
	}
	if schema["x-default-settings"] == true {
		delete(schema, "x-default-settings")
		schema["example"] = example
	}
	if policy == "" {
		return nil
	}
	if len(required) != len(properties) {
		return fmt.Errorf("the properties are not the settings of %s", policy)
	}
	schema["type"], schema["required"], schema["additionalProperties"] = "object", required, false
	return nil
}

// addLimits replaces the names of limits in all schemas under the value. A number in their place is an error.
func addLimits(value any) error {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			if err := addLimits(item); err != nil {
				return err
			}
		}
	}
	o, ok := value.(object)
	if !ok {
		return nil
	}
	if err := addLimit(o); err != nil {
		return err
	}
	if err := addPattern(o); err != nil {
		return err
	}
	for name, inner := range o {
		if err := addLimits(inner); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func addPattern(schema object) error {
	name := text(schema["x-pattern"])
	if name == "" {
		return nil
	}
	delete(schema, "x-pattern")
	found := reflect.ValueOf(domain.Patterns).FieldByName(name)
	if !found.IsValid() {
		return fmt.Errorf("no pattern %s", name)
	}
	schema["pattern"] = found.String()
	return nil
}

func addLimit(schema object) error {
	words, typed := keywords[text(schema["type"])]
	if !typed {
		return nil
	}
	if schema["x-default"] == "DefaultPageLimit" {
		delete(schema, "x-default")
		schema["default"] = domain.DefaultPageLimit
	}
	whole, most := text(schema["x-limit"]), text(schema["x-max"])
	if whole == "" && most == "" {
		if schema[words[1]] != nil {
			return errors.New("a maximum that is a number: name a limit of domain.Limits in x-limit")
		}
		return nil
	}
	delete(schema, "x-limit")
	delete(schema, "x-max")
	found := reflect.ValueOf(domain.Limits).FieldByName(whole + most)
	if !found.IsValid() {
		return fmt.Errorf("no limit %s", whole+most)
	}
	limit, _ := reflect.TypeAssert[domain.Limit](found)
	schema[words[1]] = limit.Max
	if whole != "" && (limit.Min > 0 || schema["type"] == "integer") {
		schema[words[0]] = limit.Min
	}
	return nil
}
