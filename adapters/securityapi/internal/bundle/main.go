// Command bundle joins the topics of the OpenAPI document into the one file that is served and that the models come
// from.
//
// Each topic holds paths and components; a name that two of them define is an error. Answers that an operation gives
// for reasons it shares with others are not written at each: "x-errors" names the statuses beside those that follow
// from what the operation is (400, 431, 500 and 503 for all, 413 and 415 with a body, 401 and 403 with credentials),
// and where its codes are not the usual ones of a status, those: {409: [last_admin]}.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"go.yaml.in/yaml/v3"
)

type object = map[string]any

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bundle:", err)
		os.Exit(1)
	}
}

// run reads the folder that the first argument names and writes the file that the second does; with -models first,
// without what only clients need. With -sum first it is sum, with -gzip compress, with -json compressAsJSON.
func run(args []string) error {
	if len(args) > 0 && args[0] == "-sum" {
		return sum(args[1:])
	}
	if len(args) == 3 && args[0] == "-gzip" {
		return compress(args[1], args[2])
	}
	if len(args) == 3 && args[0] == "-json" {
		return compressAsJSON(args[1], args[2])
	}
	models := len(args) > 0 && args[0] == "-models"
	if models {
		args = args[1:]
	}
	if len(args) != 2 {
		return errors.New("usage: bundle [-models] FOLDER FILE, bundle -gzip FILE FILE.gz, " +
			"bundle -json FILE.yaml FILE.json.gz")
	}
	return bundle(args[0], args[1], models)
}

// bundle writes the document of a folder to a file.
func bundle(folder, file string, models bool) error {
	document, err := join(folder)
	if err != nil {
		return err
	}
	if err := declare(document); err != nil {
		return err
	}
	if err := complete(document); err != nil {
		return err
	}
	if !models {
		if err := forClients(document); err != nil {
			return err
		}
	}
	raw, err := json.MarshalIndent(document, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, append(raw, '\n'), 0o600) //nolint:gosec // a tool of the build writes what its caller names
}

// join merges the paths and components of all topics into openapi.yaml.
func join(folder string) (object, error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return nil, err
	}
	document, err := read(filepath.Join(folder, "openapi.yaml"))
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		if filepath.Base(file) == "openapi.yaml" {
			continue
		}
		topic, err := read(file)
		if err != nil {
			return nil, err
		}
		if err := merge(document, topic); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return document, nil
}

func read(file string) (object, error) {
	raw, err := os.ReadFile(file) //nolint:gosec // a tool of the build reads what its caller names
	if err != nil {
		return nil, err
	}
	var o object
	if err := yaml.Unmarshal(raw, &o); err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return o, nil
}

// merge adds the members of from to into, deep down to the first that is no object on both sides, where it fails.
func merge(into, from object) error {
	for name, value := range from {
		present, taken := into[name]
		if !taken {
			into[name] = value
			continue
		}
		a, okA := present.(object)
		b, okB := value.(object)
		if !okA || !okB {
			return fmt.Errorf("%s is defined twice", name)
		}
		if err := merge(a, b); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

var verbs = []string{"get", "post", "put", "patch", "delete"}

// complete adds the shared answers to every operation.
func complete(document object) error {
	paths, _ := document["paths"].(object)
	for path, item := range paths {
		for _, verb := range verbs {
			o, _ := item.(object)
			operation, ok := o[verb].(object)
			if !ok {
				continue
			}
			if err := addErrors(document, operation); err != nil {
				return fmt.Errorf("%s %s: %w", verb, path, err)
			}
		}
	}
	return nil
}
