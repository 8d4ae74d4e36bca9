package console

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
	"unicode/utf8"

	"github.com/ostiary/ostiary/core/domain"
)

// ImportUser is one user to take over; it is a line of our own file format.
type ImportUser struct {
	Place         string          `json:"-"` // "line 7" or "Users[6]"
	Identifier    string          `json:"identifier,omitempty"`
	Username      string          `json:"username"`
	Email         string          `json:"email"`
	EmailVerified bool            `json:"email_verified,omitempty"`
	FullName      string          `json:"full_name,omitempty"`
	FamilyName    string          `json:"family_name,omitempty"`
	PhoneNumber   string          `json:"phone_number,omitempty"`
	Role          string          `json:"role,omitempty"`
	Groups        []string        `json:"groups,omitempty"`
	Status        string          `json:"status,omitempty"`
	Metadata      json.RawMessage `json:"metadata,omitempty"`
	Directory     string          `json:"directory,omitempty"`
	Subject       string          `json:"subject,omitempty"`
	PasswordHash  string          `json:"password_hash,omitempty"`
	PasswordSetAt ImportTime      `json:"password_set_at,omitzero"`
	CreatedAt     ImportTime      `json:"created_at,omitzero"`
}

// ImportTime is a time of a row, in the form that domain.ParseTime reads.
type ImportTime struct{ time.Time }

// UnmarshalJSON reads a time; null leaves it zero.
func (t *ImportTime) UnmarshalJSON(raw []byte) error {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return err
	}
	var err error
	t.Time, err = domain.ParseTime(*text)
	return err
}

// ImportRole is one role to take over.
type ImportRole struct {
	Place      string `json:"-"`
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Level      int    `json:"level"`
}

// ImportProblem is a row that was not taken over, and why.
type ImportProblem struct {
	Place  string `json:"place"`
	Reason string `json:"reason"`
}

// ImportFile is the content of a file. A row that cannot be parsed is reported with its position, and the other rows
// are read.
type ImportFile struct {
	Roles []ImportRole
	Users []ImportUser
	Bad   []ImportProblem
}

var errFormat = errors.New(`not an export of the Users API: it must be {"version":"1.0","data":{"Roles":[…],"Users":[…]}}`)

// export is the original's file. Rows are read one by one, so that a bad one is only itself.
type export struct {
	Version string `json:"version"`
	Data    *struct {
		Roles []json.RawMessage `json:"Roles"`
		Users []json.RawMessage `json:"Users"`
	} `json:"data"`
}

// exportRole is a row of it. A level that is missing is no level 0, which is the most powerful.
type exportRole struct {
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Level      *int   `json:"level"`
}

// exportUser is a row of it; what the export has beside is not taken over.
type exportUser struct {
	Identifier string `json:"identifier"`
	Username   string `json:"username"`
	Email      string `json:"email"`
	Role       struct {
		Name string `json:"name"`
	} `json:"role"`
	Name     *string `json:"name"`
	Lastname *string `json:"lastname"`
	Password string  `json:"password"`
}

func notAnExport(why error) error {
	if why == nil || errors.Is(why, io.EOF) {
		return errFormat
	}
	return fmt.Errorf("%w: %w", errFormat, why)
}

// ReadUsersAPIExport reads the original's configuration export. A byte order mark at the beginning is ignored. An error
// means that it is none, or of another version.
func ReadUsersAPIExport(from io.Reader) (ImportFile, error) {
	text, err := utf8Text(from)
	if err != nil {
		return ImportFile{}, err
	}
	var file export
	d := json.NewDecoder(text)
	if err := d.Decode(&file); err != nil || file.Data == nil {
		return ImportFile{}, notAnExport(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return ImportFile{}, notAnExport(errors.New("something follows the end"))
	}
	if file.Version != "1.0" {
		return ImportFile{}, fmt.Errorf("an export of version %q; 1.0 is known", file.Version)
	}
	var c ImportFile
	for i, raw := range file.Data.Roles {
		c.addRole(fmt.Sprintf("Roles[%d]", i), raw)
	}
	for i, raw := range file.Data.Users {
		c.addUser(fmt.Sprintf("Users[%d]", i), raw)
	}
	return c, nil
}

func (f *ImportFile) addRole(place string, raw json.RawMessage) {
	var row exportRole
	switch err := json.Unmarshal(raw, &row); {
	case !utf8.Valid(raw): // the decoder would replace what it cannot read
		f.Bad = append(f.Bad, ImportProblem{place, "is not a role: " + notUTF8})
	case err != nil || row.Level == nil:
		f.Bad = append(f.Bad, ImportProblem{place, "is not a role: a field is missing or of the wrong type"})
	default:
		f.Roles = append(f.Roles, ImportRole{Place: place, Identifier: row.Identifier, Name: row.Name, Level: *row.Level})
	}
}

func (f *ImportFile) addUser(place string, raw json.RawMessage) {
	var row exportUser
	switch err := json.Unmarshal(raw, &row); {
	case !utf8.Valid(raw):
		f.Bad = append(f.Bad, ImportProblem{place, "is not a user: " + notUTF8})
	case err != nil:
		f.Bad = append(f.Bad, ImportProblem{place, "is not a user: a field is of the wrong type"})
	default:
		f.Users = append(f.Users, row.user(place))
	}
}

func (u exportUser) user(place string) ImportUser {
	given, family := deref(u.Name), deref(u.Lastname)
	full := given
	if family != "" {
		full += " " + family
	}
	if given == "" {
		full = family
	}
	return ImportUser{
		Place: place, Identifier: u.Identifier, Username: u.Username, Email: u.Email, Role: u.Role.Name,
		FullName: full, FamilyName: family, PasswordHash: u.Password,
	}
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
