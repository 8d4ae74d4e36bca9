package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/internal/securityclient"
	"github.com/ostiary/ostiary/modules/localapi"
)

// The exit codes; the help text of the root command lists them.
const (
	codeDone = iota
	codeFailed
	codeUsage
	codeConfiguration
	codeNotFound
	codeRefused
	codeUnavailable
)

// codeOfStatus returns the exit code for a response of the API.
func codeOfStatus(status int) int {
	switch {
	case status == http.StatusNotFound:
		return codeNotFound
	case status == http.StatusServiceUnavailable, status == http.StatusRequestTimeout:
		return codeUnavailable
	case status >= http.StatusInternalServerError:
		return codeFailed
	default:
		return codeRefused
	}
}

// apiError returns any other error as a response of the API that reports it.
func apiError(err error) *securityclient.Error {
	if reported, ok := errors.AsType[*securityclient.Error](err); ok {
		return reported
	}
	return securityclient.ParseError(localapi.Failure(err))
}

// usageError reports a wrong command line.
type usageError struct{ error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// args wraps cobra's argument check and returns a usageError.
func args(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, given []string) error {
		if check(c, given) != nil {
			form := strings.TrimSuffix(c.UseLine(), " [flags]")
			return usagef("usage: %s (got %d arguments)", form, len(given))
		}
		if slices.Contains(given, "") {
			return usagef("an argument is empty")
		}
		return nil
	}
}

// fileError reports a file argument that does not exist, cannot be read, or has invalid content.
type fileError struct{ error }

func (e fileError) Unwrap() error { return e.error }

func (e fileError) code() int {
	if errors.Is(e, fs.ErrNotExist) {
		return codeNotFound
	}
	return codeRefused
}

// flagUsage returns a flag error as a usage error, without the strconv part of its text.
func flagUsage(err error) error {
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	return usagef("%s", text)
}

// helpCommand returns a replacement of cobra's help command that fails for an unknown command.
func helpCommand() *cobra.Command {
	return &cobra.Command{
		Use: "help [COMMAND]", Short: "Help about any command", Example: "  ostiary help user create",
		RunE: func(c *cobra.Command, given []string) error {
			found, rest, err := c.Root().Find(given)
			if err != nil || len(rest) > 0 {
				return unknownCommand(found, strings.Join(rest, " "))
			}
			return found.Help()
		},
	}
}

func unknownCommand(c *cobra.Command, name string) error {
	text := fmt.Sprintf("unknown command %q", c.CommandPath()+" "+name)
	if similar := c.SuggestionsFor(name); len(similar) > 0 {
		text += fmt.Sprintf(" (did you mean %q?)", strings.Join(similar, `", "`))
	}
	return usagef("%s", text)
}

// problem is an error as it is reported: its exit code, and its JSON form.
type problem struct {
	code int

	Error    string           `json:"error"`
	Message  string           `json:"message"`
	Details  []string         `json:"details,omitempty"`
	Cause    string           `json:"cause,omitempty"`
	Mistakes []config.Mistake `json:"mistakes,omitempty"`
}

func (a *app) problemOf(err error) problem {
	var wrong usageError
	var file fileError
	var mistakes config.Mistakes
	switch {
	case errors.As(err, &wrong):
		return problem{code: codeUsage, Error: "usage", Message: err.Error()}
	case errors.As(err, &file):
		return problem{code: file.code(), Error: "file", Message: err.Error()}
	case errors.As(err, &mistakes):
		return problem{
			code: codeConfiguration, Error: "configuration", Message: "Invalid configuration",
			Mistakes: config.Locate(a.sources(), mistakes),
		}
	case errors.Is(err, errSomeRefused):
		return problem{code: codeRefused, Error: "rows_refused", Message: err.Error()}
	default:
		e := apiError(err)
		p := problem{code: codeOfStatus(e.Status), Error: e.Code, Message: e.Message, Cause: e.Cause}
		if _, unhealthy := errors.AsType[unhealthyError](err); unhealthy {
			p.code = codeUnavailable
		}
		for _, d := range e.Details {
			p.Details = append(p.Details, d.Field+": "+d.Reason)
		}
		return p
	}
}

func (a *app) printProblem(p problem) {
	switch {
	case a.json:
		_ = json.NewEncoder(a.err).Encode(p)
	case p.code == codeConfiguration:
		if len(p.Mistakes) == 1 {
			a.printf(a.err, "ostiary: invalid configuration: %s\n", printable(p.Mistakes[0].String()))
			return
		}
		a.printf(a.err, "ostiary: invalid configuration:\n")
		for _, m := range p.Mistakes {
			a.printf(a.err, "  %s\n", printable(m.String()))
		}
	default:
		a.printf(a.err, "ostiary: %s\n", printable(sentenceOf(p)))
		for _, d := range p.Details {
			a.printf(a.err, "  %s\n", printable(d))
		}
	}
}

// sentenceOf returns the error as one sentence. An internal error is described by its cause only.
func sentenceOf(p problem) string {
	switch {
	case p.Cause == "":
		return p.Message
	case p.Error == "internal":
		return p.Cause
	default:
		return p.Message + ": " + p.Cause
	}
}
