package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"

	"github.com/ostiary/ostiary/internal/securityclient"
)

var (
	// errUTF16 reports the encoding that Windows programs call "Unicode", and the default of PowerShell's >.
	errUTF16  = errors.New("the file is in UTF-16: save it as UTF-8")
	errFormat = errors.New(`not an export of the Users API: it must be {"version":"1.0","data":{"Roles":[…],"Users":[…]}}`)
)

// readUserLines returns the lines of a file, which have the form of the API.
func readUserLines(from io.Reader) (importRows, error) {
	text, err := utf8Text(from)
	return importRows{body: io.NopCloser(text)}, err
}

// utf8Text returns the text of a file without a byte order mark. Text in UTF-16, with or without its mark, is errUTF16.
func utf8Text(from io.Reader) (io.Reader, error) {
	text := bufio.NewReader(from)
	head, err := text.Peek(3)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for _, start := range []string{"\xff\xfe", "\xfe\xff", "{\x00", "\x00{"} {
		if bytes.HasPrefix(head, []byte(start)) {
			return nil, errUTF16
		}
	}
	if string(head) == "\xef\xbb\xbf" {
		_, err = text.Discard(len(head))
		return text, err
	}
	return text, nil
}

// exportedRole is a row of Roles. A missing level is an error: 0 is the level with the most privileges.
type exportedRole struct {
	Identifier string `json:"identifier"`
	Name       string `json:"name"`
	Level      *int   `json:"level"`
}

// exportedUser is a row of Users, without the members that are not imported.
type exportedUser struct {
	Identifier string `json:"identifier"`
	Username   string `json:"username"`
	Email      string `json:"email"`
	Role       struct {
		Name string `json:"name"`
	} `json:"role"`
	Name     string `json:"name"`
	Lastname string `json:"lastname"`
	Password string `json:"password"`
}

// unreadable stands in for a row that cannot be read, so that the import counts it as refused.
var unreadable = securityclient.ImportRow{Type: new("unreadable")}

func roleRow(raw []byte) (row securityclient.ImportRow, problem string) {
	var role exportedRole
	switch err := json.Unmarshal(raw, &role); {
	case !utf8.Valid(raw): // the decoder would replace what it cannot read
		return unreadable, "is not a role: it is not in UTF-8"
	case err != nil || role.Level == nil:
		return unreadable, "is not a role: a field is missing or of the wrong type"
	}
	return securityclient.ImportRow{
		Type: new("role"), Identifier: optional(role.Identifier), Name: &role.Name, Level: role.Level,
	}, ""
}

func userRow(raw []byte) (row securityclient.ImportRow, problem string) {
	var user exportedUser
	switch err := json.Unmarshal(raw, &user); {
	case !utf8.Valid(raw):
		return unreadable, "is not a user: it is not in UTF-8"
	case err != nil:
		return unreadable, "is not a user: a field is of the wrong type"
	}
	return securityclient.ImportRow{
		Identifier: optional(user.Identifier), Username: &user.Username, Email: &user.Email, Role: optional(user.Role.Name),
		FullName: optional(strings.TrimSpace(user.Name + " " + user.Lastname)), FamilyName: optional(user.Lastname),
		PasswordHash: optional(user.Password),
	}, ""
}
