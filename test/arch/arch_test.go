package arch_test

import (
	"os"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/test/arch"
)

func TestTreeFollowsTheRules(t *testing.T) {
	t.Parallel()
	files, breaches, err := arch.CheckTree(os.DirFS("../.."))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range breaches {
		t.Error(b)
	}
	if files < 30 {
		t.Errorf("read %d files, want the whole tree", files)
	}
}

func TestCheckFileReportsBreaches(t *testing.T) {
	t.Parallel()
	ours := func(dir string) string { return `import _x "` + arch.Module + "/" + dir + `"` }
	tests := map[string]struct{ file, code, want string }{
		"fault imports the domain": {"core/fault/x.go", ours("core/domain"), "core/fault does not import"},
		"the domain imports ports": {"core/domain/x.go", ours("ports"), "core/domain does not import"},
		"the audit formats import ports": {
			"core/auditformat/x.go", ours("ports"),
			"core/auditformat does not import",
		},
		"ports import a service": {"ports/x.go", ours("core/auth"), "ports does not import"},
		"a service imports an adapter": {
			"core/auth/x.go", ours("adapters/sqlitestore"),
			"a core service does not import",
		},
		"a service imports configuration": {"core/auth/x.go", ours("config"), "a core service does not import"},
		"a service imports a library": {
			"core/auth/x.go", `import _x "go.uber.org/zap"`,
			"a core service does not import",
		},
		"a service imports net/http": {
			"core/auth/x.go", `import "net/http"`,
			"a core service does not import net/http",
		},
		"a service encodes JSON": {
			"core/auth/x.go", `import "encoding/json"`,
			"the core knows no format, and imports encoding/json",
		},
		"a service parses URLs": {
			"core/sso/x.go", `import "net/url"`,
			"the core knows no format, and imports net/url",
		},
		"a port reads streams": {"ports/x.go", `import "io"`, "the core knows no format, and imports io"},
		"the domain encodes outside the cursor": {
			"core/domain/user.go", `import "encoding/base64"`,
			"the core knows no format, and imports encoding/base64",
		},
		"a service names a route": {"core/notify/x.go", `const link = "/api/v1/x"`, "the core names /api/"},
		"a service names a cookie": {
			"core/sso/x.go", "// Name is the name of the cookie.\nvar Name string",
			"the core names cookie",
		},
		"a service names a method and path": {
			"core/notify/x.go", "// See POST /auth/login.\nvar x int",
			"the core names POST /",
		},
		"a service names a status code": {
			"core/auth/x.go", "// This becomes a 401.\nvar x int",
			"the core names 401",
		},
		"a service names a content type": {
			"core/settings/x.go", `const kind = "application/json"`,
			"the core names application/",
		},
		"the domain has a tag": {
			"core/domain/user.go", "type x struct {\n\tA string `json:\"a\"`\n}",
			"a tag for an encoding",
		},
		"a service reads files": {"core/auth/x.go", `import "os"`, "a core service does not import os"},
		"a service reads the clock": {
			"core/auth/x.go", "import \"time\"\nvar _ = time.Now()",
			"time.Now in the core",
		},
		"a service sleeps": {
			"core/auth/x.go", "import \"time\"\nfunc f() { time.Sleep(1) }",
			"time.Sleep in the core",
		},
		"a store calls a service": {
			"adapters/sqlitestore/x.go", ours("core/auth"),
			"a store does not import",
		},
		"a store imports another adapter": {
			"adapters/sqlitestore/x.go", ours("adapters/keyring"),
			"a store does not import",
		},
		"a store imports the other store": {
			"adapters/mongostore/x.go", ours("adapters/sqlitestore"),
			"a store does not import",
		},
		"a driven adapter calls a service": {
			"adapters/ldapdir/x.go", ours("core/auth"),
			"a driven adapter does not import",
		},
		"a driven adapter imports another": {
			"adapters/ldapdir/x.go", ours("adapters/keyring"),
			"a driven adapter does not import",
		},
		"a driven adapter imports the HTTP server": {
			"adapters/ldapdir/x.go", ours("adapters/httpserver"),
			"a driven adapter does not import",
		},
		"a driven adapter imports Fiber": {
			"adapters/ldapdir/x.go", `import _x "github.com/gofiber/fiber/v2"`,
			"a driven adapter does not import",
		},
		"a driven adapter reads configuration": {
			"adapters/ldapdir/x.go", ours("config"),
			"a driven adapter does not import",
		},
		"a driven adapter imports Fx": {
			"adapters/ldapdir/x.go", `import _x "go.uber.org/fx"`,
			"a driven adapter does not import",
		},
		"a directory imports the records": {
			"adapters/ldapdir/x.go", ours("adapters/records"),
			"a driven adapter does not import",
		},
		"an API imports the records": {
			"adapters/securityapi/x.go", ours("adapters/records"),
			"a driving adapter does not import",
		},
		"a module imports the records": {
			"modules/storage/x.go", ours("adapters/records"),
			"modules does not import",
		},
		"the records import a store": {
			"adapters/records/x.go", ours("adapters/sqlitestore"),
			"the records package does not import",
		},
		"the records import a library": {
			"adapters/records/x.go", `import _x "go.mongodb.org/mongo-driver/v2/bson"`,
			"the records package does not import",
		},
		"a driving adapter imports a store": {
			"adapters/securityapi/x.go", ours("adapters/sqlitestore"),
			"a driving adapter does not import",
		},
		"a driving adapter imports another": {
			"adapters/usersapi/x.go", ours("adapters/securityapi"),
			"a driving adapter does not import",
		},
		"the HTTP server imports an API": {
			"adapters/httpserver/x.go", ours("adapters/securityapi"),
			"a driving adapter does not import",
		},
		"a driving adapter reads configuration": {
			"adapters/linkpages/x.go", ours("config"),
			"a driving adapter does not import",
		},
		"a driving adapter imports Fx": {
			"adapters/linkpages/x.go", `import _x "go.uber.org/fx"`,
			"a driving adapter does not import",
		},
		"an adapter imports modules": {
			"adapters/linkpages/x.go", ours("modules/server"),
			"a driving adapter does not import",
		},
		"configuration imports the domain": {"config/x.go", ours("core/domain"), "config does not import"},
		"configuration takes another library": {
			"config/x.go", `import _x "github.com/spf13/viper"`,
			"config does not import",
		},
		"a command imports an adapter": {"cmd/ostiary/x.go", ours("adapters/linkpages"), "cmd does not import"},
		"a command imports the core":   {"cmd/ostiary/x.go", ours("core/account"), "cmd does not import"},
		"the client imports an API": {
			"internal/securityclient/x.go", ours("adapters/securityapi"),
			"the client of the API does not import",
		},
		"a module imports the client": {
			"modules/server/x.go", ours("internal/securityclient"),
			"modules does not import",
		},
		"a module imports a command":    {"modules/server/x.go", ours("cmd/ostiary"), "modules does not import"},
		"the product imports test code": {"modules/server/x.go", ours("test/conformance"), "modules does not import"},
		"the product imports testing": {
			"adapters/keyring/x.go", `import "testing/fstest"`,
			"only tests import test code",
		},
		"an adapter runs templates": {
			"adapters/smsgateway/x.go", `import "text/template"`,
			"calls methods by name",
		},
		"an adapter registers itself": {"adapters/keyring/x.go", "func init() {}", "an init function"},
		"a module imports for side effects": {
			"modules/server/x.go", `import _ "` + arch.Module + `/adapters/ldapdir"`,
			"a blank import of our own",
		},
		"a package loads plug-ins":             {"core/directory/x.go", `import "plugin"`, "does not import plugin"},
		"a package needs cgo":                  {"adapters/sqlitestore/x.go", `import "C"`, "does not import C"},
		"a folder is outside the architecture": {"internal/util/x.go", "", "is in no layer"},
		"a build tag hides a breach":           {"core/auth/x.go", `import "os"`, "does not import os"},
		"a line is too wide": {
			"core/auth/x.go", "// " + strings.Repeat("x", arch.MaxColumns),
			"a line of more than 120 columns",
		},
		"a file is too long": {
			"core/auth/x_test.go", strings.Repeat("// .\n", arch.MaxLines),
			"a file of 501 lines",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source := "package x\n" + test.code
			if strings.Contains(name, "build tag") {
				source = "//go:build never\n\n" + source
			}
			found, err := arch.CheckFile(test.file, []byte(source))
			if err != nil {
				t.Fatal(err)
			}
			if len(found) != 1 || !strings.Contains(found[0].String(), test.want) {
				t.Errorf("found %v, want one breach with %q", found, test.want)
			}
		})
	}
}

func TestCheckFileAllows(t *testing.T) {
	t.Parallel()
	ours := func(dir string) string { return `import _x "` + arch.Module + "/" + dir + `"` }
	tests := map[string]struct{ file, code string }{
		"a service uses another": {"core/auth/x.go", ours("core/account")},
		"the cursor has its form": {
			"core/domain/page.go",
			"import \"encoding/base64\"\ntype x struct {\n\tA string `json:\"a\"`\n}",
		},
		"a service calls the core's encoding": {"core/sso/x.go", ours("core/sealed")},
		"a service uses ports":                {"core/auth/x.go", ours("ports")},
		"the domain parses addresses":         {"core/domain/x.go", `import "net/netip"`},
		"SQLite uses the records":             {"adapters/sqlitestore/x.go", ours("adapters/records")},
		"MongoDB uses the records":            {"adapters/mongostore/x.go", ours("adapters/records")},
		"a driven adapter implements ports":   {"adapters/ldapdir/x.go", ours("ports")},
		"an adapter has folders of its own":   {"adapters/sqlitestore/x.go", ours("adapters/sqlitestore/migrations")},
		"a sub-folder imports the adapter around it": {
			"adapters/securityapi/gen/x.go",
			ours("adapters/securityapi/problems"),
		},
		"an API uses the HTTP server":  {"adapters/securityapi/x.go", ours("adapters/httpserver")},
		"an API calls a service":       {"adapters/usersapi/x.go", ours("core/auth")},
		"configuration parses YAML":    {"config/x.go", `import _x "go.yaml.in/yaml/v3"`},
		"a module wires an adapter":    {"modules/storage/x.go", ours("adapters/sqlitestore")},
		"a command picks modules":      {"cmd/ostiary/x.go", ours("modules/server")},
		"a command calls the API":      {"cmd/ostiary/x.go", ours("internal/securityclient")},
		"a test imports what it tests": {"core/auth/x_test.go", ours("adapters/sqlitestore")},
		"a suite imports testing":      {"test/conformance/x.go", `import "testing"`},
		"an adapter reads the clock":   {"adapters/sysclock/x.go", "import \"time\"\nvar _ = time.Now"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found, err := arch.CheckFile(test.file, []byte("package x\n"+test.code))
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range found {
				t.Error(b)
			}
		})
	}
}

func TestCheckFileAllowsLongGeneratedFiles(t *testing.T) {
	t.Parallel()
	source := "// Code generated by x. DO NOT EDIT.\n\npackage x\n" + strings.Repeat("// .\n", arch.MaxLines)
	found, err := arch.CheckFile("adapters/securityapi/x.go", []byte(source))
	if err != nil || len(found) > 0 {
		t.Errorf("found %v, %v", found, err)
	}
}
