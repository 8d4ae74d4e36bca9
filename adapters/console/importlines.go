package console

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxImportLine bounds one line of the line format.
const maxImportLine = 1 << 20

// ReadUserLines reads Ostiary's own format: one ImportUser a line, empty lines passed over, unknown and doubled fields refused.
// A byte order mark at the beginning is ignored. An error means that the input could not be read.
func ReadUserLines(from io.Reader) (ImportFile, error) {
	text, err := utf8Text(from)
	if err != nil {
		return ImportFile{}, err
	}
	var c ImportFile
	lines := bufio.NewScanner(text)
	lines.Buffer(nil, maxImportLine)
	n := 1
	for ; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		user := ImportUser{Place: fmt.Sprintf("line %d", n)}
		if err := json.Unmarshal(line, &user, json.RejectUnknownMembers(true)); err != nil {
			c.Bad = append(c.Bad, ImportProblem{user.Place, "is not one user: " + lineReason(line, err)})
			continue
		}
		c.Users = append(c.Users, user)
	}
	err = lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		return ImportFile{}, fmt.Errorf("line %d is longer than 1 MiB", n)
	}
	if err != nil {
		return ImportFile{}, fmt.Errorf("reading the lines: %w", err)
	}
	return c, nil
}

// lineReason says what is wrong with a line without a piece of it but the name of a field: it may hold hashes.
func lineReason(line []byte, err error) string {
	var semantic *json.SemanticError
	var syntactic *jsontext.SyntacticError
	switch {
	case !utf8.Valid(line):
		return notUTF8
	case errors.As(err, &semantic) && semantic.JSONPointer == "":
		return "it is no JSON object"
	case errors.As(err, &semantic) && errors.Is(semantic.Err, json.ErrUnknownName):
		return semantic.JSONPointer.LastToken() + " is no known field"
	case errors.As(err, &semantic):
		return semantic.JSONPointer.LastToken() + " has the wrong type"
	case errors.As(err, &syntactic) && errors.Is(syntactic.Err, jsontext.ErrDuplicateName):
		return syntactic.JSONPointer.LastToken() + " is given twice"
	default:
		return "it is no valid JSON"
	}
}
