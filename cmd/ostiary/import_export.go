package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/ostiary/ostiary/internal/securityclient"
)

// exportWalk reads the configuration export of the original Users API,
// {"version":"1.0","data":{"Roles":[…],"Users":[…]}}, row by row: an export of any size takes the memory of one row.
// Members that it does not know are skipped. The names of members are compared without case.
type exportWalk struct {
	d          *jsontext.Decoder
	role, user func(row []byte) error // called for each row; nil skips the rows

	seen       map[string]bool
	version    string
	roles      int  // the number of rows of Roles
	usersFirst bool // Users come before Roles
}

// walkExport reads a whole export. The error is a text that is not an export of version 1.0, or one of role or user.
func walkExport(from io.Reader, role, user func(row []byte) error) (*exportWalk, error) {
	text, err := utf8Text(from)
	if err != nil {
		return nil, err
	}
	// Rows are decoded one by one, so that an invalid row does not affect the others: its text is not checked here.
	w := &exportWalk{role: role, user: user, seen: map[string]bool{}, d: jsontext.NewDecoder(text,
		jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	switch err := w.object(w.member); {
	case err != nil:
		return nil, err
	case !w.seen["data"]:
		return nil, errFormat
	case w.version != "1.0":
		return nil, fmt.Errorf("an export of version %q; 1.0 is known", w.version)
	}
	if _, err := w.d.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: there is text after its end", errFormat)
	}
	return w, nil
}

// notAnExport returns the error of a text that has another form than an export.
func notAnExport(why error) error {
	if why == nil || errors.Is(why, io.EOF) {
		return errFormat
	}
	return fmt.Errorf("%w: %w", errFormat, why)
}

// begin reads the first token of an object or array.
func (w *exportWalk) begin(kind jsontext.Kind) error {
	token, err := w.d.ReadToken()
	if err != nil || token.Kind() != kind {
		return notAnExport(err)
	}
	return nil
}

// end reads the last token of an object or array.
func (w *exportWalk) end() error {
	if _, err := w.d.ReadToken(); err != nil {
		return notAnExport(err)
	}
	return nil
}

// object reads an object and calls member after each name. A name that is given twice would hide one of its values.
func (w *exportWalk) object(member func(name string) error) error {
	if err := w.begin(jsontext.KindBeginObject); err != nil {
		return err
	}
	for w.d.PeekKind() == jsontext.KindString {
		token, err := w.d.ReadToken()
		if err != nil {
			return notAnExport(err)
		}
		if err := member(strings.ToLower(token.String())); err != nil {
			return err
		}
	}
	return w.end()
}

func (w *exportWalk) once(name string) error {
	if w.seen[name] {
		return fmt.Errorf("%w: %s is given twice", errFormat, name)
	}
	w.seen[name] = true
	return nil
}

func (w *exportWalk) member(name string) error {
	switch name {
	case "version":
		token, err := w.d.ReadToken()
		if err != nil || token.Kind() != jsontext.KindString {
			return notAnExport(err)
		}
		w.version = token.String()
		return w.once(name)
	case "data":
		if err := w.once(name); err != nil {
			return err
		}
		return w.object(w.section)
	default:
		return w.skip()
	}
}

func (w *exportWalk) skip() error {
	if err := w.d.SkipValue(); err != nil {
		return notAnExport(err)
	}
	return nil
}

// section reads the rows of a member of data.
func (w *exportWalk) section(name string) error {
	var row func([]byte) error
	switch name {
	case "roles":
		row = func(raw []byte) error {
			w.roles++
			return call(w.role, raw)
		}
	case "users":
		w.usersFirst = !w.seen["roles"]
		row = func(raw []byte) error { return call(w.user, raw) }
	default:
		return w.skip()
	}
	if err := w.once(name); err != nil {
		return err
	}
	if w.d.PeekKind() == jsontext.KindNull {
		return w.skip()
	}
	return w.rows(row)
}

func call(row func([]byte) error, raw []byte) error {
	if row == nil {
		return nil
	}
	return row(raw)
}

func (w *exportWalk) rows(row func([]byte) error) error {
	if err := w.begin(jsontext.KindBeginArray); err != nil {
		return err
	}
	for {
		switch w.d.PeekKind() {
		case jsontext.KindEndArray:
			return w.end()
		case jsontext.KindInvalid:
			_, err := w.d.ReadToken()
			return notAnExport(err)
		default:
		}
		raw, err := w.d.ReadValue()
		if err != nil {
			return notAnExport(err)
		}
		if err := row(raw); err != nil {
			return err
		}
	}
}

// readUsersAPIExport checks an export and returns its rows, roles first. A byte order mark is ignored. It reads the
// file twice, so that nothing is imported of a file that turns out not to be an export of version 1.0; and a third time
// if it has the users before the roles. A stream that cannot be read again is copied to a temporary file first.
func readUsersAPIExport(from io.Reader) (importRows, error) {
	file, err := seekable(from)
	if err != nil {
		return importRows{}, err
	}
	checked, err := walkExport(file, nil, nil)
	if err != nil {
		return importRows{}, err
	}
	rows := &exportRows{roles: checked.roles, problems: map[int]string{}}
	body, to := io.Pipe()
	go func() { to.CloseWithError(rows.write(to, file, checked.usersFirst)) }()
	return importRows{body: body, rows: rows}, nil
}

// exportRows are the rows of an export as lines of the API.
type exportRows struct {
	roles int // the rows before the first user

	mu       sync.Mutex
	problems map[int]string // of the lines that stand in for a row that cannot be read
}

func (r *exportRows) write(to io.Writer, file io.ReadSeeker, usersFirst bool) error {
	line := 0
	out := json.NewEncoder(to)
	put := func(row securityclient.ImportRow, problem string) error {
		if line++; problem != "" {
			r.mu.Lock()
			r.problems[line] = problem
			r.mu.Unlock()
		}
		return out.Encode(row)
	}
	role := func(raw []byte) error { return put(roleRow(raw)) }
	user := func(raw []byte) error { return put(userRow(raw)) }
	walks := [][2]func([]byte) error{{role, user}}
	if usersFirst {
		walks = [][2]func([]byte) error{{role, nil}, {nil, user}}
	}
	for _, walk := range walks {
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return err
		}
		if _, err := walkExport(file, walk[0], walk[1]); err != nil {
			return err
		}
	}
	return nil
}

// result returns the place of a line in the export, and why the line cannot be read; empty if it can.
func (r *exportRows) result(line int) (place, problem string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	problem = r.problems[line]
	delete(r.problems, line) // each line has one result
	if line <= r.roles {
		return fmt.Sprintf("Roles[%d]", line-1), problem
	}
	return fmt.Sprintf("Users[%d]", line-1-r.roles), problem
}

// seekable returns a file that can be read again: the given one, or a copy of a stream. The copy contains password
// hashes: only its owner can read it, and it has no name.
func seekable(from io.Reader) (io.ReadSeeker, error) {
	if file, ok := from.(io.ReadSeeker); ok {
		if _, err := file.Seek(0, io.SeekCurrent); err == nil {
			return file, nil
		}
	}
	file, err := os.CreateTemp("", "ostiary-import-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(file.Name()) // where an open file cannot be removed, the system keeps it
	if _, err := io.Copy(file, from); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	_, err = file.Seek(0, io.SeekStart)
	return file, err
}
