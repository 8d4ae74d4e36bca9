package main

import (
	"io"
	"strings"
	"testing"
	"unicode/utf16"
)

// importRow is a row of an export: its place, and why it cannot be read.
type importRow struct{ place, problem string }

// bodyOf returns the rows that read finds in a text, one JSON object per line.
func bodyOf(t *testing.T, read func(io.Reader) (importRows, error), text string) (string, []importRow) {
	t.Helper()
	rows, err := read(strings.NewReader(text))
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	body, err := io.ReadAll(rows.body)
	if err != nil {
		t.Fatal(err)
	}
	var all []importRow
	for line := range strings.Count(string(body), "\n") {
		if rows.rows != nil {
			place, problem := rows.rows.result(line + 1)
			all = append(all, importRow{place, problem})
		}
	}
	return string(body), all
}

// FuzzUsersAPIExport checks that reading any file terminates, and that what is read as an export has its rows.
func FuzzUsersAPIExport(f *testing.F) {
	f.Add(
		`{"version":"1.0","data":{"Roles":[{"identifier":"06eeeacb","name":"admin","level":1}],"Users":[{"username":"a","role":{"name":"user"}},7,null]}}`)
	f.Add(`{"version":"1.0","data":{"Users":{}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		rows, err := readUsersAPIExport(strings.NewReader(text))
		if err != nil {
			return
		}
		if body, err := io.ReadAll(rows.body); err != nil || strings.Count(string(body), "\n") < rows.rows.roles {
			t.Errorf("%d roles in %q, %v", rows.rows.roles, body, err)
		}
	})
}

func TestExportBecomesRows(t *testing.T) {
	t.Parallel()
	body, rows := bodyOf(t, readUsersAPIExport, `{"version":"1.0","data":{
		"Roles":[{"name":"chief"},{"identifier":"abcdef01","name":"Clerk","level":0}],
		"Users":[{"identifier":"aaaa0001","username":"ada","email":"a@example.org","name":null,"lastname":"Byron","role":{"name":"Clerk"},"password":"x"},7]}}`)
	want := `{"type":"unreadable"}
{"identifier":"abcdef01","level":0,"name":"Clerk","type":"role"}
{"email":"a@example.org","family_name":"Byron","full_name":"Byron","identifier":"aaaa0001","password_hash":"x","role":"Clerk","username":"ada"}
{"type":"unreadable"}
`
	if body != want {
		t.Errorf("got %s", body)
	}
	for i, want := range []importRow{
		{"Roles[0]", "is not a role: a field is missing or of the wrong type"},
		{place: "Roles[1]"},
		{place: "Users[0]"},
		{"Users[1]", "is not a user: a field is of the wrong type"},
	} {
		if rows[i] != want {
			t.Errorf("row %d is %+v", i, rows[i])
		}
	}
	if _, err := readUsersAPIExport(strings.NewReader(
		`{"version":"1.0","data":{}} {"version":"1.0","data":{}}`)); err == nil {
		t.Error("two exports in one file were read")
	}
}

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

// TestImportFilesSavedOnWindows checks that a byte order mark is ignored, and that other encodings than UTF-8 are
// named.
func TestImportFilesSavedOnWindows(t *testing.T) {
	t.Parallel()
	formats := map[string]struct {
		read func(io.Reader) (importRows, error)
		text string
	}{
		"lines": {readUserLines, `{"username":"zoe","email":"zoe@example.org","full_name":"Ångström"}` + "\n"},
		"export": {
			readUsersAPIExport,
			`{"version":"1.0","data":{"Roles":[],"Users":[{"username":"zoe","email":"z@example.org","name":"Ångström"}]}}`,
		},
	}
	for name, f := range formats {
		body, _ := bodyOf(t, f.read, "\ufeff"+f.text)
		if strings.Contains(body, "\ufeff") || !strings.Contains(body, `"full_name":"Ångström"`) {
			t.Errorf("%s with a byte order mark: %s", name, body)
		}
		for _, text := range []string{
			utf16Text("\ufeff"+f.text, false), utf16Text("\ufeff"+f.text, true),
			utf16Text(f.text, false), utf16Text(f.text, true),
		} {
			if _, err := f.read(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), "UTF-16") {
				t.Errorf("%s in UTF-16, beginning with %x: %v", name, text[:4], err)
			}
		}
	}
	latin := strings.NewReplacer("Å", "\xc5", "ö", "\xf6").Replace(formats["export"].text)
	if _, rows := bodyOf(t, readUsersAPIExport, latin); len(rows) != 1 ||
		!strings.Contains(rows[0].problem, "not in UTF-8") {
		t.Errorf("an export in Latin-1: %+v", rows)
	}
}

// TestExportWithTheUsersFirstIsReadRolesFirst checks the order of the rows: a user is refused before their role exists.
func TestExportWithTheUsersFirstIsReadRolesFirst(t *testing.T) {
	t.Parallel()
	body, rows := bodyOf(t, readUsersAPIExport, `{"data":{"Users":[{"username":"ada"},3],"more":[{}],
		"Roles":[{"name":"clerk","level":2}]},"version":"1.0"}`)
	role, users := strings.Index(body, `"clerk"`), strings.Index(body, `"ada"`)
	if role < 0 || users < role || len(rows) != 3 || rows[0].place != "Roles[0]" || rows[2].place != "Users[1]" ||
		rows[2].problem == "" {
		t.Errorf("%+v: %s", rows, body)
	}
}

func TestFilesThatAreNoExportsAreRefusedBeforeAnyRow(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		``, `[]`, `7`, `{}`, `{"version":"1.0"}`, `{"version":"1.0","data":null}`, `{"version":1,"data":{}}`,
		`{"version":"2.0","data":{"Users":[]}}`, `{"version":"1.0","data":{"Users":{}}}`,
		`{"version":"1.0","data":{"Users":[{"username":"ada"}`, `{"version":"1.0","data":{"Users":[{"username":"ada"}]`,
		`{"version":"1.0","data":{"Users":[{"username":"ada"},]}}`,
		`{"version":"1.0","data":{"Users":[]},"data":{"Users":[]}}`,
		`{"version":"1.0","data":{"Users":[],"users":[]}}`, `{"version":"1.0","data":{"Users":[]}} x`,
	} {
		if _, err := readUsersAPIExport(strings.NewReader(text)); err == nil {
			t.Errorf("%s was read", text)
		}
	}
	stream := io.MultiReader(strings.NewReader(`{"version":"1.0","data":{"Users":[{"username":`),
		strings.NewReader(`"ada"}]}}`))
	read, err := readUsersAPIExport(stream)
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(read.body); err != nil || !strings.Contains(string(body), `"ada"`) {
		t.Errorf("a stream: %s, %v", body, err)
	}
	_, rows := bodyOf(t, readUsersAPIExport, `{"Version":"1.0","DATA":{"roles":null,"users":[]}}`)
	if len(rows) != 0 {
		t.Errorf("an empty export has %+v", rows)
	}
}
