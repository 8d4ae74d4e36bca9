package console_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/console"
)

// FuzzImportFiles: whatever stands in a file, reading it ends, and a file that is refused brings nobody.
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
