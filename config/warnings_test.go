package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/config"
)

func TestWarningForAWorldAccessibleDirectory(t *testing.T) {
	t.Parallel()
	for mode, want := range map[os.FileMode]string{
		0o700: "", 0o770 | os.ModeSetgid: "", 0o750: "", 0o755: "(mode 0755)", 0o777: "(mode 0777)", 0o701: "(mode 0701)",
	} {
		c := config.Default()
		c.DataDir = filepath.Join(t.TempDir(), "data")
		if w := c.FileWarnings(); len(w) > 0 {
			t.Errorf("a folder that is not there: %v", w)
		}
		if err := os.Mkdir(c.DataDir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(c.DataDir, mode); err != nil {
			t.Fatal(err)
		}
		w := c.FileWarnings()
		if (len(w) > 0) != (want != "") || len(w) > 0 && (w[0].Key != "data_dir" || !strings.Contains(w[0].Problem, want)) {
			t.Errorf("mode %v: %v", mode, w)
		}
	}
}

func TestWarningForGroupAccessibleFiles(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.DataDir = t.TempDir()
	if err := os.Chmod(c.DataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{c.KeyFile(), c.SQLiteFile()} {
		if err := os.WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if w := c.FileWarnings(); len(w) > 0 {
		t.Errorf("files of mode 0600: %v", w)
	}
	if err := os.Chmod(c.KeyFile(), 0o640); err != nil {
		t.Fatal(err)
	}
	if w := c.FileWarnings(); len(w) != 1 || !strings.Contains(w[0].Problem, "(mode 0640)") {
		t.Errorf("a key file of mode 0640: %v", w)
	}
	for name, want := range map[string]string{
		c.KeyFile():    "the service refuses it",
		c.SQLiteFile(): "refuses it where it does not",
	} {
		if err := os.Chmod(name, 0o644); err != nil {
			t.Fatal(err)
		}
		warned := func(m config.Mistake) bool {
			return strings.Contains(m.Problem, name+" is open to others (mode 0644)") && strings.Contains(m.Problem, want)
		}
		if w := c.FileWarnings(); !slices.ContainsFunc(w, warned) {
			t.Errorf("%s of mode 0644: %v", name, w)
		}
	}
}

func TestWarningForGuestsWhoMayListUsers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		enabled, signup bool
		most, want      int
	}{
		"sign-up and no narrowing":         {true, true, -1, 1},
		"sign-up and the level of guests":  {true, true, 256, 1},
		"sign-up and a level above guests": {true, true, 255, 0},
		"sign-up and sudo alone":           {true, true, 0, 0},
		"no sign-up":                       {true, false, -1, 0},
		"the Users API is off":             {false, true, -1, 0},
	} {
		c := config.Default()
		c.UsersAPI.Enabled, c.UsersAPI.SelfSignup, c.UsersAPI.ListMaxLevel = test.enabled, test.signup, test.most
		w := c.Warnings()
		if len(w) != test.want || len(w) > 0 && w[0].Key != "users_api.list_max_level" {
			t.Errorf("%s: %v", name, w)
		}
	}
}

// A list may cover all addresses without a network of length 0.
func TestWarningForProxyListsThatCoverEverything(t *testing.T) {
	t.Parallel()
	for list, want := range map[string]int{
		"127.0.0.1/32, 10.0.0.0/8, 172.16.0.0/12, '::1/128', 'fd00::/8', 'fc00::/7', '::ffff:10.0.0.0/104'": 0,
		"0.0.0.0/1, 128.0.0.0/1": 2,
		"'::/1', '8000::/1'":     2,
		"'::ffff:0.0.0.0/96'":    1,
		"'2000::/3'":             1,
	} {
		c, err := load("http: {trusted_proxies: [" + list + "]}")
		if err != nil {
			t.Fatalf("%s: %v", list, err)
		}
		warnings := slices.DeleteFunc(c.Warnings(), func(w config.Mistake) bool { return w.Key != "http.trusted_proxies" })
		if len(warnings) != want {
			t.Errorf("%s: %d warnings, want %d: %v", list, len(warnings), want, warnings)
		}
		if c, err = load("rate_limits: {exempt: [" + list + "]}"); err != nil || len(c.Warnings()) != want {
			t.Errorf("rate_limits.exempt of %s: %v, %v; want %d", list, c.Warnings(), err, want)
		}
	}
}

func TestWarningForOptionsOfMongoDBThatHaveNoEffect(t *testing.T) {
	t.Parallel()
	for options, want := range map[string]string{
		"replicaSet=rs0&w=majority&journal=true&retryWrites=false&maxPoolSize=50&timeoutMS=3000&tls=true": "",
		"w=1": "w has no effect",
		"readPreference=secondary&socketTimeoutMS=1000": "readPreference, socketTimeoutMS has no effect",
	} {
		c := config.Default()
		c.Storage.Driver = config.StorageMongoDB
		c.Storage.MongoDB.URI = config.Secret("mongodb://a:27017,b:27017/?" + options)
		var problems []string
		for _, w := range c.Warnings() {
			if w.Key == "storage.mongodb.uri" {
				problems = append(problems, w.Problem)
			}
		}
		got := strings.Join(problems, "")
		if got == "" != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", options, got, want)
		}
	}
}
