package config_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// settings are typical settings of a directory type.
type settings struct {
	URLs         []string          `yaml:"urls"`
	BindPassword string            `yaml:"bind_password"`
	Timeout      time.Duration     `yaml:"timeout"`
	Nested       struct{ On bool } `yaml:"-"`
	Pool         pool              `yaml:"pool"`
	Roles        []rule            `yaml:"roles"`
	Parameters   map[string]string `yaml:"parameters"`
	Limit        *int              `yaml:"limit"`
}

type pool struct {
	Size int `yaml:"size"`
	Idle int `yaml:"idle"`
}

type rule struct {
	Group string `yaml:"group"`
	Role  string `yaml:"role"`
}

const corp = `
directories:
  - {id: local, type: builtin}
  - id: corp-x
    type: ldap
    urls: [ldaps://a, ldaps://b]
    bind_password_file: /secrets/one
    timeout: 5s
    pool: {size: 9}
    roles: [{group: ops, role: admin}]
    parameters: {hd: example.org}
    limit: 3
`

func TestDirectoriesDecodeTheirSettings(t *testing.T) {
	t.Parallel()
	c, err := load(corp)
	if err != nil {
		t.Fatal(err)
	}
	got := settings{Pool: pool{Size: 4, Idle: 2}, Roles: []rule{{"default", "user"}, {"other", "user"}}}
	if err := c.Directories[1].Decode(&got); err != nil {
		t.Fatal(err)
	}
	three := 3
	want := settings{
		URLs: []string{"ldaps://a", "ldaps://b"}, BindPassword: "first secret", Timeout: 5 * time.Second,
		Pool: pool{Size: 9, Idle: 2}, Roles: []rule{{"ops", "admin"}}, Parameters: map[string]string{"hd": "example.org"},
		Limit: &three,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDirectoriesRefuseUnknownSettings(t *testing.T) {
	t.Parallel()
	c, err := load(corp)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		URLs []string `yaml:"urls"`
		Pool struct {
			Sizes int `yaml:"sizes"`
		} `yaml:"pool"`
	}
	err = c.Directories[1].Decode(&got)
	for _, want := range []string{
		`directories.corp-x.pool.size: there is no such key (did you mean "sizes"?)`,
		"directories.corp-x.timeout: there is no such key",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestSecretsOfDirectoriesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ variable, want string }{
		"the secret itself":           {"OSTIARY_DIRECTORIES_CORP_X_BIND_PASSWORD=from environment", "from environment"},
		"the secret's file":           {"OSTIARY_DIRECTORIES_CORP_X_BIND_PASSWORD_FILE=/secrets/two", "second secret"},
		"nothing, so the file's wins": {"HOME=/root", "first secret"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := load(corp, test.variable)
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Directories[1].Settings["bind_password"]; got != test.want {
				t.Errorf("bind_password = %v, want %q", got, test.want)
			}
		})
	}
	for _, variable := range []string{
		"OSTIARY_DIRECTORIES_NOBODY_BIND_PASSWORD=x", "OSTIARY_DIRECTORIES_CORP_X_URLS=x", "OSTIARY_DIRECTORIES=x",
	} {
		if _, err := load(corp, variable); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(variable, "=x")) {
			t.Errorf("%s: %v", variable, err)
		}
	}
}
