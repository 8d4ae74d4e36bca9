package securityapi

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/userimport"
)

const (
	// maxImportLine limits one line of an import.
	maxImportLine = 1 << 20
	// maxImportRows limits the rows that the plain response of an import lists.
	maxImportRows = 1000
)

func (a *api) importRoutes() []httpserver.Route {
	imports := route(http.MethodPost, "/imports", httpserver.Requires(domain.SystemImport), a.importRows)
	imports.StreamsBody, imports.Accepts = true, []string{httpserver.LinesType}
	return []httpserver.Route{imports}
}

func (a *api) importRows(r *httpserver.Request) error {
	options, err := importOptions(r)
	if err != nil {
		return err
	}
	if options.Renew, err = r.Renewal(); err != nil {
		return err
	}
	by, body := r.Principal, r.BodyStream()
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		result := ImportResult{Rows: []ImportedRow{}}
		options.Report = func(row userimport.Row) { result.add(lines, row) }
		options.Progress = func(rows int) { lines.Progress(httpserver.Progress{Done: int64(rows), What: "rows"}) }
		run, err := a.Import.Begin(by, options)
		if err != nil {
			return nil, err
		}
		if err := readRows(ctx, body, run); err != nil {
			return nil, run.BreakOff(ctx, err)
		}
		sum, err := run.Finish(ctx)
		slices.SortFunc(result.Rows, func(a, b ImportedRow) int { return cmp.Compare(a.Line, b.Line) })
		result.Created, result.Unchanged, result.Refused = sum.Created, sum.Unchanged, sum.Refused
		return result, err
	})
}

func importOptions(r *httpserver.Request) (o userimport.Options, err error) {
	q, err := r.Query()
	if err != nil {
		return o, err
	}
	if o.Source, err = q.One("source"); err != nil {
		return o, err
	}
	if o.Source == "" {
		o.Source = "api"
	}
	if err := domain.Limits.AuditFilter.CheckPrintable("source", o.Source); err != nil {
		return o, err
	}
	if o.DryRun, err = q.Bool("dry_run"); err != nil {
		return o, err
	}
	o.DropUnknownHashes, err = q.Bool("drop_unknown_hashes")
	return o, err
}

// add reports a row as a line of its own, or else in the result, as far as there is room.
func (i *ImportResult) add(lines *httpserver.Lines, row userimport.Row) {
	outcome := ImportedRowOutcome("created")
	if row.Outcome == userimport.Refused {
		outcome = "refused"
	}
	imported := ImportedRow{Line: row.At, Outcome: outcome, Reason: row.Reason}
	switch {
	case lines.Streams():
		lines.Send("row", imported)
	case len(i.Rows) < maxImportRows:
		i.Rows = append(i.Rows, imported)
	default:
		i.RowsOmitted++
	}
}

// readRows reads the lines of an import and passes each on as it comes.
func readRows(ctx context.Context, body io.Reader, run *userimport.Import) error {
	scanner := bufio.NewScanner(body)
	scanner.Buffer(nil, maxImportLine)
	at := 1
	for ; scanner.Scan(); at++ {
		if scanner.Err() != nil {
			break // the rest of a line that is cut short
		}
		line := scanner.Bytes()
		if at == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		var err error
		if line = bytes.TrimSpace(line); len(line) == 0 {
			err = run.Blank()
		} else {
			err = readRow(ctx, at, line, run)
		}
		if err != nil {
			return err
		}
	}
	if errors.Is(scanner.Err(), bufio.ErrTooLong) {
		return fault.ErrInvalid.About("body", fmt.Sprintf("line %d is longer than 1 MiB", at))
	}
	return scanner.Err()
}

func readRow(ctx context.Context, at int, line []byte, run *userimport.Import) error {
	var row ImportRow
	if err := httpserver.DecodePost(line, &row); err != nil {
		var reasons []string
		for _, d := range fault.Of(err).Details() {
			reasons = append(reasons, d.Field+" "+d.Reason)
		}
		return run.Refuse(at, "is not one user or role: "+strings.Join(reasons, "; "))
	}
	switch or(row.Type) {
	case "", "user":
		return run.User(ctx, at, len(line), importedUser(&row))
	case "role":
		return run.Role(ctx, at, userimport.Role{
			Identifier: or(row.Identifier), Name: or(row.Name), Level: or(row.Level), Permissions: or(row.Permissions),
		})
	default:
		return run.Refuse(at, "is not one user or role: type must be user or role")
	}
}

func importedUser(row *ImportRow) userimport.User {
	return userimport.User{
		Identifier: or(row.Identifier), Username: or(row.Username), Email: or(row.Email),
		EmailVerified: or(row.EmailVerified),
		FamilyName:    or(row.FamilyName), Person: domain.Person{
			FullName:    or(row.FullName),
			PhoneNumber: or(row.PhoneNumber),
		}, Role: or(row.Role),
		Groups: or(row.Groups), Status: or(row.Status), Metadata: or(row.Metadata), Directory: or(row.Directory),
		Subject: or(row.Subject), PasswordHash: or(row.PasswordHash), PasswordSetAt: or(row.PasswordSetAt),
		CreatedAt: or(row.CreatedAt),
	}
}
