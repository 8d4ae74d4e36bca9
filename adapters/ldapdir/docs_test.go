package ldapdir_test

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/ldapdir"
)

const page = "../../docs/directories-ldap.md"

// settingKeys returns the settings' keys as the page writes them. Lists of rules are one key.
func settingKeys(prefix string, t reflect.Type) []string {
	var keys []string
	for f := range t.Fields() {
		key := prefix + f.Tag.Get("koanf")
		if f.Type.Kind() == reflect.Struct {
			keys = append(keys, settingKeys(key+".", f.Type)...)
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
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| ((?:`[a-z_.]+`(?:, )?)+) \\|").FindAllStringSubmatch(string(text), -1) {
		for key := range strings.SplitSeq(row[1], ", ") {
			documented[strings.Trim(key, "`")] = true
		}
	}
	known := map[string]bool{}
	for _, key := range settingKeys("", reflect.TypeFor[ldapdir.Settings]()) {
		known[key] = true
		if !documented[key] {
			t.Errorf("%s is not documented", key)
		}
	}
	for key := range documented {
		if !known[key] && !strings.Contains("none change reset", key) {
			t.Errorf("%s is documented and no setting", key)
		}
	}
}
