package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// printf writes text output. It ignores write errors, since there is no other place to report them.
func (a *app) printf(to io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(to, format, args...)
}

// print writes answer as JSON with --json, else it calls people.
func (a *app) print(answer any, people func()) error {
	if !a.json {
		people()
		return nil
	}
	out := json.NewEncoder(a.out)
	out.SetIndent("", "  ")
	out.SetEscapeHTML(false)
	return out.Encode(answer)
}

// printResult prints answer, or returns the error of the call that was to give it.
func (a *app) printResult(answer any, err error, people func()) error {
	if err != nil {
		return err
	}
	return a.print(answer, people)
}

// table writes rows in columns below a heading.
func (a *app) table(heading []string, rows [][]string) {
	w := tabwriter.NewWriter(a.out, 0, 0, 3, ' ', 0)
	for _, row := range append([][]string{heading}, rows...) {
		_, _ = fmt.Fprintln(w, printable(strings.Join(row, "\t")))
	}
	_ = w.Flush()
}

// fields writes one line per name and value. It omits empty values.
func (a *app) fields(all [][2]string) {
	width := 0
	for _, f := range all {
		width = max(width, len(f[0]))
	}
	for _, f := range all {
		if f[1] != "" {
			a.printf(a.out, "%s\n", printable(fmt.Sprintf("%-*s   %s", width, f[0], f[1])))
		}
	}
}

// optional returns a pointer to value, or nil for the zero value.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

// valueOf returns what p points to, or the zero value.
func valueOf[T any](p *T) (value T) {
	if p != nil {
		value = *p
	}
	return value
}

// dateOr returns the time that p points to, or absent.
func dateOr(p *time.Time, absent string) string {
	if p == nil {
		return absent
	}
	return p.Format(time.RFC3339)
}

// printable replaces control and bidirectional characters, so that user-defined names cannot send escape sequences to
// the operator's terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && (r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069) {
			return '\uFFFD'
		}
		return r
	}, text)
}

// mark returns word if condition is true, else the empty string.
func mark(condition bool, word string) string {
	if condition {
		return word
	}
	return ""
}
