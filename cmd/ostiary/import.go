package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/internal/securityclient"
)

// errSomeRefused reports an import in which rows were refused; the output lists them.
var errSomeRefused = errors.New("some rows were not imported")

func (a *app) importCommand() *cobra.Command {
	return group("import", "Import users from other systems, with their password hashes",
		`Password hashes keep working and are replaced by Argon2id at each user's next sign-in. An invalid
row is listed with its position and the reason; the other rows are imported. An import can be
repeated: existing users are not changed.`,
		a.importFormat("users-api FILE", "Import roles and users from an export of the original Users API",
			`Reads the configuration export {"version":"1.0","data":{"Roles":[…],"Users":[…]}}. Identifiers are
preserved.`, readUsersAPIExport),
		a.importFormat("users FILE", "Import users from a file with one JSON object per line",
			`Each line is one user: username, email, and optionally email_verified, full_name, phone_number,
role, groups, status, metadata, password_hash, password_set_at, created_at. docs/import.md describes
the fields and the supported hashes.`, readUserLines))
}

// importRows are the rows of a file in the form of POST /imports.
type importRows struct {
	body io.ReadCloser
	rows *exportRows // nil if the lines of the body are the lines of the file
}

// importReport is the result of an import.
type importReport struct {
	Created   int             `json:"created"`
	Unchanged int             `json:"unchanged"`
	Problems  []importProblem `json:"problems"`        // rows that were refused
	Notes     []importProblem `json:"notes,omitempty"` // rows that were imported otherwise than they say

	refused int
}

type importProblem struct {
	Place  string `json:"place"`
	Reason string `json:"reason"`
}

func (a *app) importFormat(use, short, long string, read func(io.Reader) (importRows, error)) *cobra.Command {
	var dryRun, dropUnknownHashes bool
	c := &cobra.Command{
		Use: use, Short: short, Long: long + "\n\nUse - as FILE for standard input.", Args: args(cobra.ExactArgs(1)),
	}
	c.Flags().BoolVar(&dryRun, "dry-run", false, "validate the rows and print the result without changing anything")
	c.Flags().BoolVar(&dropUnknownHashes, "drop-unknown-hashes", false,
		"create users with an unsupported password hash without it, as pending users with an activation e-mail")
	c.RunE = func(c *cobra.Command, given []string) error {
		file, err := a.openImport(given[0])
		if err != nil {
			return fileError{err}
		}
		defer func() { _ = file.Close() }()
		rows, err := read(file)
		if err != nil {
			return fileError{err}
		}
		defer func() { _ = rows.body.Close() }()
		bar := a.newBar("rows")
		report := importReport{Problems: []importProblem{}}
		err = a.callAPI(c.Context(), func(api *securityclient.Client) error {
			defer bar.end()
			lines := func(member string, value json.RawMessage) {
				a.reportRow(&report, &rows, member, value)
				bar.line(member, value)
			}
			result, err := api.WithLines(lines).ImportRows(c.Context(), securityclient.ImportRowsParams{
				Source: new(filepath.Base(given[0])), DryRun: &dryRun, DropUnknownHashes: &dropUnknownHashes,
			}, rows.body)
			report.Created, report.Unchanged = result.Created, result.Unchanged
			return err
		})
		if err != nil {
			return err
		}
		return a.printImport(report, dryRun)
	}
	return c
}

func (a *app) openImport(name string) (io.ReadCloser, error) {
	if name == "-" {
		return io.NopCloser(a.in), nil
	}
	return os.Open(name) //nolint:gosec // the path is an argument of the operator
}

// reportRow prints a line {"row":…} of the import, or adds it to the report that is printed as JSON.
func (a *app) reportRow(report *importReport, rows *importRows, member string, value json.RawMessage) {
	var row securityclient.ImportedRow
	if member != "row" || json.Unmarshal(value, &row) != nil {
		return
	}
	found := importProblem{Place: fmt.Sprintf("line %d", row.Line), Reason: row.Reason}
	if rows.rows != nil {
		place, problem := rows.rows.result(row.Line)
		found = importProblem{Place: place, Reason: cmp.Or(problem, row.Reason)}
	}
	if row.Outcome == "refused" {
		report.refused++
	}
	switch {
	case !a.json:
		a.printf(a.out, "%s: %s\n", printable(found.Place), printable(found.Reason))
	case row.Outcome == "refused":
		report.Problems = append(report.Problems, found)
	default:
		report.Notes = append(report.Notes, found)
	}
}

func (a *app) printImport(report importReport, dryRun bool) error {
	words := "imported"
	if dryRun {
		words = "would be imported"
	}
	err := a.print(report, func() {
		a.printf(a.out, "%d %s, %d exist already, %d refused.\n",
			report.Created, words, report.Unchanged, report.refused)
	})
	if err == nil && report.refused > 0 {
		if dryRun {
			return fmt.Errorf("%w: see the list above; nothing was changed", errSomeRefused)
		}
		return fmt.Errorf("%w: see the list above; the other rows were imported", errSomeRefused)
	}
	return err
}
