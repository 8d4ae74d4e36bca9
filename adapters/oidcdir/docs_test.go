package oidcdir_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/config"
)

const page = "../../docs/directories-oidc.md"

// settingKeys returns the settings' keys as the page writes them. Lists of rules are one key.
func settingKeys(prefix string, of reflect.Type) []string {
	var keys []string
	for field := range of.Fields() {
		key := prefix + field.Tag.Get("yaml")
		if field.Type.Kind() == reflect.Struct {
			keys = append(keys, settingKeys(key+".", field.Type)...)
		} else {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestEverySettingIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "## Settings\n")
	table, _, _ = strings.Cut(table, "\n## ")
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z_.]+`(?:, )?)+) \\|").FindAllStringSubmatch(table, -1) {
		for key := range strings.SplitSeq(row[1], ", ") {
			documented[strings.Trim(key, "`")] = true
		}
	}
	for _, key := range settingKeys("", reflect.TypeFor[oidcdir.Settings]()) {
		if !documented[key] {
			t.Errorf("%s is not documented", key)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("%s is documented and no setting", key)
	}
}

// Every example of the page is read as the product reads it.
func TestTheExamplesOfThePageWork(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(examples) < 6 {
		t.Fatalf("the page has %d examples", len(examples))
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, example := range examples {
		whole := example[1]
		switch {
		case strings.HasPrefix(whole, "    "): // settings alone
			whole = "directories:\n  - {id: local, type: builtin}\n  - id: corp\n    type: oidc\n    issuer: " +
				"https://x.example\n    client_id: x\n" + whole
		case strings.HasPrefix(whole, "  - id"):
			whole = "directories:\n  - {id: local, type: builtin}\n" + whole
		}
		whole = regexp.MustCompile(`<[^>]+>`).ReplaceAllString(whole, "x")
		whole = regexp.MustCompile(`(client_secret_file): \S+`).ReplaceAllString(whole, "$1: "+secret)
		whole = regexp.MustCompile(`(?m)^ +ca_file: .*\n`).ReplaceAllString(whole, "") // there is none here
		tryExample(t, whole)
	}
}

func tryExample(t *testing.T, example string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "ostiary.yaml")
	if err := os.WriteFile(file, []byte(example), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{File: file})
	if err != nil {
		t.Errorf("%v in\n%s", err, example)
		return
	}
	for _, d := range c.Directories {
		if d.Type != oidcdir.Type {
			continue
		}
		if _, err := oidcdir.Factory(oidcdir.Options{Clock: &clock{}}).Open("corp", d.Decode); err != nil {
			t.Errorf("%v in\n%s", err, example)
		}
	}
}

func FuzzSettingsFromText(f *testing.F) {
	f.Add("https://login.example.org", "openid", "RS256", "user")
	f.Add("http://[::1]:8000/x", "a b", "none", "sudo")
	f.Fuzz(func(t *testing.T, issuer, scope, algorithm, role string) {
		settings := oidcdir.Settings{
			Issuer: issuer, ClientID: "web", Scopes: []string{"openid", scope}, Algorithms: []string{algorithm},
			Roles: []oidcdir.RoleRule{{Value: "x", Role: role}},
		}
		if _, err := oidcdir.New("corp", settings, oidcdir.Options{Clock: &clock{}}); err == nil {
			if role == "admin" || role == "sudo" || algorithm == "none" || strings.HasPrefix(algorithm, "HS") ||
				!strings.HasPrefix(strings.ToLower(issuer), "https:") {
				t.Errorf("accepted %q %q %q %q", issuer, scope, algorithm, role)
			}
		}
	})
}
