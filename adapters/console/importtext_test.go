package console_test

import (
	"io"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/ostiary/ostiary/adapters/console"
)

// utf16Text encodes a text as Windows programs do.
func utf16Text(text string, bigEndian bool) string {
	var out strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		first, second := byte(unit&0xff), byte(unit>>8)
		if bigEndian {
			first, second = second, first
		}
		out.WriteByte(first)
		out.WriteByte(second)
	}
	return out.String()
}

// TestImportFilesSavedOnWindows: a byte order mark is ignored, and other encodings than UTF-8 are named.
func TestImportFilesSavedOnWindows(t *testing.T) {
	t.Parallel()
	formats := map[string]struct {
		read func(io.Reader) (console.ImportFile, error)
		text string
	}{
		"lines": {console.ReadUserLines, `{"username":"zoe","email":"zoe@example.org","full_name":"Ångström"}` + "\n"},
		"export": {
			console.ReadUsersAPIExport,
			`{"version":"1.0","data":{"Roles":[],"Users":[{"username":"zoe","email":"z@example.org","name":"Ångström"}]}}`,
		},
	}
	for name, f := range formats {
		file, err := f.read(strings.NewReader("\ufeff" + f.text))
		if err != nil || len(file.Users) != 1 || file.Users[0].FullName != "Ångström" || len(file.Bad) > 0 {
			t.Errorf("%s with a byte order mark: %+v, %v", name, file, err)
		}
		for _, text := range []string{
			utf16Text("\ufeff"+f.text, false), utf16Text("\ufeff"+f.text, true),
			utf16Text(f.text, false), utf16Text(f.text, true),
		} {
			if _, err := f.read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Errorf("%s in UTF-16, beginning with %x: %v", name, text[:4], err)
			}
		}
		latin := strings.NewReplacer("Å", "\xc5", "ö", "\xf6").Replace(f.text)
		file, err = f.read(strings.NewReader(latin))
		if err != nil || len(file.Users) != 0 || len(file.Bad) != 1 || !strings.Contains(file.Bad[0].Reason, "not in UTF-8") {
			t.Errorf("%s in Latin-1: %+v, %v", name, file, err)
		}
	}
	for _, empty := range []string{"", "\ufeff", "\ufeff\n"} {
		if file, err := console.ReadUserLines(strings.NewReader(empty)); err != nil || len(file.Users)+len(file.Bad) > 0 {
			t.Errorf("%q: %+v, %v", empty, file, err)
		}
	}
}
