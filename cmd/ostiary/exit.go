package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
)

// The exit codes; the help of the root command tells them.
const (
	codeDone = iota
	codeFailed
	codeUsage
	codeConfiguration
)

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usage(err error) error { return usageError{err} }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// args makes cobra's check of the arguments one of ours.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if err := check(c, given); err != nil {
			return usage(err)
		}
		return nil
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	text := fmt.Sprintf("there is no command %q", c.CommandPath()+" "+name)
	if similar := c.SuggestionsFor(name); len(similar) > 0 {
		text += fmt.Sprintf(" (did you mean %q?)", strings.Join(similar, `", "`))
	}
	return usagef("%s", text)
}

func codeOf(err error) int {
	var wrong usageError
	var mistakes config.Mistakes
	switch {
	case errors.As(err, &wrong):
		return codeUsage
	case errors.As(err, &mistakes):
		return codeConfiguration
	default:
		return codeFailed
	}
}

// problem is an error as programs read it.
type problem struct {
	Error    string           `json:"error"`
	Message  string           `json:"message"`
	Mistakes []config.Mistake `json:"mistakes,omitempty"`
}

func problemOf(err error) problem {
	var wrong usageError
	var mistakes config.Mistakes
	switch {
	case errors.As(err, &wrong):
		return problem{Error: "usage", Message: err.Error()}
	case errors.As(err, &mistakes):
		return problem{Error: "configuration", Message: "The configuration is wrong", Mistakes: mistakes}
	default:
		return problem{Error: "internal", Message: err.Error()}
	}
}

func (a *app) printError(err error) {
	var mistakes config.Mistakes
	switch {
	case a.json:
		_ = json.NewEncoder(a.err).Encode(problemOf(err))
	case errors.As(err, &mistakes):
		a.printf(a.err, "ostiary: the configuration is wrong:\n")
		for _, m := range mistakes {
			a.printf(a.err, "  %s\n", m)
		}
	default:
		a.printf(a.err, "ostiary: %v\n", err)
	}
}
