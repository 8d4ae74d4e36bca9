package main

import (
	"strings"

	"github.com/spf13/cobra"
)

// examples are the examples of commands that do not define their own, by the command path without the program's name.
var examples = map[string]string{ //nolint:gosec // the token id is an example
	"user show":           "ostiary user show ada\nostiary user show ada@example.org --json",
	"user unlink":         "ostiary user unlink ada",
	"user unlock":         "ostiary user unlock ada",
	"user deactivate":     "ostiary user deactivate ada",
	"user factor disable": "ostiary user factor disable ada",
	"user password reset": "ostiary user password reset ada",
	"role list":           "ostiary role list\nostiary role list --json",
	"role repair":         "ostiary role repair\nostiary role repair admin user",
	"key rotate":          "ostiary key rotate",
	"key reencrypt":       "ostiary key reencrypt --config /etc/ostiary.yaml",
	"directory list":      "ostiary directory list",
	"directory check":     "ostiary directory check corp --user alice",
	"directory login":     "ostiary directory login corp alice",
	"directory plan":      "ostiary directory plan corp --all",
	"directory apply":     "ostiary directory apply corp --plan 3f9ac01b",
	"tpt create":          "ostiary tpt create --role auditor > token-file",
	"tpt list":            "ostiary tpt list\nostiary tpt list --json",
	"tpt revoke":          "ostiary tpt revoke tpt_01jm3z8x4q0v9b7c5d2e1f6g8h",
	"tpt verify":          "ostiary tpt verify - < token-file",
	"import users-api":    "ostiary import users-api export.json --dry-run\nostiary import users-api export.json",
	"import users":        "ostiary import users people.ndjson --dry-run\nzcat people.ndjson.gz | ostiary import users -",
	"config keys":         "ostiary config keys\nostiary config keys --json",
	"version":             "ostiary version",
}

// addExamples sets the example of every command below c that has none.
func addExamples(c *cobra.Command) {
	for _, sub := range c.Commands() {
		addExamples(sub)
	}
	_, path, _ := strings.Cut(c.CommandPath(), " ")
	if text, ok := examples[path]; ok && c.Example == "" {
		c.Example = "  " + strings.ReplaceAll(text, "\n", "\n  ")
	}
}
