package console_test

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/console"
)

// FuzzImportFiles checks that reading any file terminates, and that a refused file yields no users.
func FuzzImportFiles(f *testing.F) {
	f.Add(`{"username":"ada","email":"ada@example.org","password_hash":"hunter2"}` + "\n" + `{"usrname":"x"}`)
	f.Add(`{"version":"1.0","data":{"Roles":[{"identifier":"06eeeacb","name":"admin","level":1}],"Users":[{"username":"a","role":{"name":"user"}},7,null]}}`)
	f.Add(`{"version":"1.0","data":{"Users":{}}}`)
	f.Add("null\n[]\n{}\n{\"username\":1,\"password_hash\":\"hunter2\"}")
	f.Fuzz(func(t *testing.T, text string) {
		lines, err := console.ReadUserLines(strings.NewReader(text))
		if len(lines.Users) > strings.Count(text, "\n")+1 {
			t.Errorf("%d users on fewer lines: %v", len(lines.Users), err)
		}
		export, err := console.ReadUsersAPIExport(strings.NewReader(text))
		if err != nil && len(export.Users)+len(export.Roles) > 0 {
			t.Errorf("%v, and %d users", err, len(export.Users))
		}
	})
}

func TestARoleWithoutALevelIsNone(t *testing.T) {
	t.Parallel()
	file, err := console.ReadUsersAPIExport(strings.NewReader(`{"version":"1.0","data":{"Roles":[{"name":"chief"},{"name":"clerk","level":60}],"Users":[]}}`))
	if err != nil || len(file.Roles) != 1 || file.Roles[0].Name != "clerk" || len(file.Bad) != 1 || file.Bad[0].Place != "Roles[0]" {
		t.Errorf("%+v, %v", file, err)
	}
	if _, err := console.ReadUsersAPIExport(strings.NewReader(`{"version":"1.0","data":{}} {"version":"1.0","data":{}}`)); err == nil {
		t.Error("two exports in one file were taken")
	}
}

// TestBatchesKeepRowsWithACommonNameTogether: all users are there once, in pieces that the socket takes.
func TestBatchesKeepRowsWithACommonNameTogether(t *testing.T) {
	t.Parallel()
	var file console.ImportFile
	for i := range 2500 {
		file.Users = append(file.Users, console.ImportUser{Place: strconv.Itoa(i), Username: fmt.Sprintf("u%d", i), Email: fmt.Sprintf("u%d@example.com", i)})
	}
	file.Users = append(file.Users,
		console.ImportUser{Place: "name", Username: "U0", Email: "x@example.com"},
		console.ImportUser{Place: "address", Username: "y", Email: "U1@example.com"})
	file.Users[2000].Metadata = bytes.Repeat([]byte("x"), 5<<20)
	batches := file.Batches()
	var sizes []int
	in := map[string]int{}
	for n, batch := range batches {
		sizes = append(sizes, len(batch))
		for _, u := range batch {
			in[u.Place] = n
		}
	}
	if len(in) != 2502 || !slices.Equal(sizes, []int{1000, 1000, 3, 499}) || in["name"] != 0 || in["address"] != 0 {
		t.Errorf("%d users in batches of %v; the name's in %d, the address's in %d", len(in), sizes, in["name"], in["address"])
	}
}

func TestTimesOfRowsMayBeInLowerCase(t *testing.T) {
	t.Parallel()
	file, err := console.ReadUserLines(strings.NewReader(`{"username":"x","created_at":"2024-01-15t12:00:00+02:00","password_set_at":"2024-01-15t10:00:00z"}`))
	if err != nil || len(file.Users) != 1 {
		t.Fatal(err, file.Bad)
	}
	at := time.Date(2024, 1, 15, 10, 0, 0, 0, time.UTC)
	if u := file.Users[0]; !u.CreatedAt.Equal(at) || !u.PasswordSetAt.Equal(at) {
		t.Errorf("%v, %v", u.CreatedAt, u.PasswordSetAt)
	}
}

func TestInvalidLinesAreReported(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"usrname":"x"}`:                                      "is not one user: usrname is no known field",
		`{"USERNAME":"x"}`:                                     "is not one user: USERNAME is no known field",
		`{"username":"x","username":"y"}`:                      "is not one user: username is given twice",
		`{"username":7}`:                                       "is not one user: username has the wrong type",
		`{"created_at":"hunter2"}`:                             "is not one user: created_at has the wrong type",
		`{"groups":["a",{"hunter2":1}]}`:                       "is not one user: 1 has the wrong type",
		`["hunter2"]`:                                          "is not one user: it is no JSON object",
		`{"username":"x"} {"username":"y"}`:                    "is not one user: it is no valid JSON",
		"{\"username\":\"hunter2\xff\"}":                       "is not one user: it is not in UTF-8",
		`{"username":"x","full_name":null,"metadata":{"a":1}}`: "",
	} {
		file, err := console.ReadUserLines(strings.NewReader(line))
		switch {
		case err != nil:
			t.Errorf("%s: %v", line, err)
		case want == "" && len(file.Users) != 1, want != "" && (len(file.Bad) != 1 || file.Bad[0].Reason != want):
			t.Errorf("%s: %+v", line, file)
		}
	}
	if _, err := console.ReadUserLines(strings.NewReader("{}\n" + strings.Repeat("x", 2<<20))); err == nil || err.Error() != "line 2 is longer than 1 MiB" {
		t.Errorf("a long line: %v", err)
	}
}
