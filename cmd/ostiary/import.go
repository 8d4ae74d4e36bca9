package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/modules/operator"
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
preserved.`, operator.ReadUsersAPIExport),
		a.importFormat("users FILE", "Import users from a file with one JSON object per line",
			`Each line is one user: username, email, and optionally email_verified, full_name, phone_number,
role, groups, status, metadata, password_hash, password_set_at, created_at. docs/import.md describes
the fields and the supported hashes.`, operator.ReadUserLines))
}

func (a *app) importFormat(use, short, long string, read func(io.Reader) (operator.ImportFile, error)) *cobra.Command {
	var how importOptions
	c := &cobra.Command{
		Use: use, Short: short, Long: long + "\n\nUse - as FILE for standard input.", Args: args(cobra.ExactArgs(1)),
	}
	c.Flags().BoolVar(&how.dryRun, "dry-run", false, "validate the rows and print the result without changing anything")
	c.Flags().BoolVar(&how.dropUnknownHashes, "drop-unknown-hashes", false,
		"create users with an unsupported password hash without it, as pending users with an activation e-mail")
	c.RunE = func(c *cobra.Command, given []string) error {
		file, err := a.readImport(given[0], read)
		if err != nil {
			return fileError{err}
		}
		return a.operate(c.Context(), func(on operator.Caller) error {
			result, err := a.importFile(c.Context(), on, file, how)
			if err != nil {
				return err
			}
			if !how.dryRun {
				_, err = operator.ImportFinish.Call(c.Context(), on, operator.ImportSummary{
					Source: filepath.Base(given[0]), Created: result.Created, Unchanged: result.Unchanged, Refused: len(result.Problems),
				}, nil)
			}
			return errors.Join(err, a.printImport(result, how.dryRun))
		})
	}
	return c
}

// importOptions are the flags of an import.
type importOptions struct{ dryRun, dropUnknownHashes bool }

func (a *app) readImport(name string, read func(io.Reader) (operator.ImportFile, error)) (operator.ImportFile, error) {
	if name == "-" {
		return read(a.in)
	}
	file, err := os.Open(name) //nolint:gosec // the path is an argument of the operator
	if err != nil {
		return operator.ImportFile{}, err
	}
	defer func() { _ = file.Close() }()
	return read(file)
}

// importFile imports the roles, then the users in batches.
func (a *app) importFile(
	ctx context.Context, on operator.Caller, file operator.ImportFile, how importOptions,
) (operator.ImportResult, error) {
	sum := operator.ImportResult{Problems: file.Bad}
	roles := operator.ImportRoleBatch{Roles: file.Roles, DryRun: how.dryRun}
	users := operator.ImportUserBatch{DryRun: how.dryRun, DropUnknownHashes: how.dropUnknownHashes}
	for _, r := range file.Roles {
		roles.Places = append(roles.Places, r.Place)
	}
	result, err := operator.ImportRoles.Call(ctx, on, roles, nil)
	if err != nil {
		return sum, err
	}
	sum.Add(result)
	users.NewRoles = acceptedRoles(roles, result)
	bar := a.newBar("users")
	defer bar.end()
	done := 0
	for _, users.Users = range file.Batches() {
		users.Places = nil
		for _, u := range users.Users {
			users.Places = append(users.Places, u.Place)
		}
		result, err := operator.ImportUsers.Call(ctx, on, users, nil)
		if err != nil {
			return sum, err
		}
		sum.Add(result)
		done += len(users.Users)
		bar.report(int64(done), int64(len(file.Users)))
	}
	return sum, nil
}

// acceptedRoles returns the names of the roles that were not refused.
func acceptedRoles(batch operator.ImportRoleBatch, result operator.ImportResult) []string {
	var names []string
	for i, r := range batch.Roles {
		if !slices.ContainsFunc(result.Problems, func(p operator.ImportProblem) bool { return p.Place == batch.Places[i] }) {
			names = append(names, r.Name)
		}
	}
	return names
}

func (a *app) printImport(result operator.ImportResult, dryRun bool) error {
	words := "imported"
	if dryRun {
		words = "would be imported"
	}
	err := a.print(result, func() {
		for _, p := range slices.Concat(result.Problems, result.Notes) {
			a.printf(a.out, "%s: %s\n", printable(p.Place), printable(p.Reason))
		}
		a.printf(a.out, "%d %s, %d exist already, %d refused.\n",
			result.Created, words, result.Unchanged, len(result.Problems))
	})
	if err == nil && len(result.Problems) > 0 {
		if dryRun {
			return fmt.Errorf("%w: see the list above; nothing was changed", errSomeRefused)
		}
		return fmt.Errorf("%w: see the list above; the other rows were imported", errSomeRefused)
	}
	return err
}
