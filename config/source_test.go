package config_test

import (
	"errors"
	"testing"

	"github.com/ostiary/ostiary/config"
)

func TestMistakesHaveSources(t *testing.T) {
	t.Parallel()
	from := config.Sources{
		File: "o.yaml", Environ: []string{"OSTIARY_LOG_FORMAT=xml", "OSTIARY_HTTP_TRUSTED_PROXIES=10.0.0.0/8,x"},
		Flags: map[string]string{"data_dir": " "},
		ReadFile: func(string) ([]byte, error) {
			return []byte(`log:
  level: loud
  format: json
users_api: {tpt_secret: short,
  timezone: Mars/Base}
directories:
  - {id: local, type: builtin}
  - id: corp
    type: ldap
  - &again {id: corp, type: ldap}
tokens: &tokens
  algorithm: HS256
nonsense: *tokens
`), nil
		},
	}
	_, err := config.Load(from)
	mistakes, ok := errors.AsType[config.Mistakes](err)
	if !ok {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, m := range config.Locate(from, mistakes) {
		got[m.Key] = m.Source
	}
	for key, want := range map[string]string{
		"log.level": "o.yaml:2", "log.format": "OSTIARY_LOG_FORMAT",
		"http.trusted_proxies[1]": "OSTIARY_HTTP_TRUSTED_PROXIES", "data_dir": "--data-dir",
		"users_api.tpt_secret": "o.yaml:4", "users_api.timezone": "o.yaml:5", "directories.corp": "o.yaml:8",
		"tokens.algorithm": "o.yaml:12", "nonsense": "o.yaml:13",
	} {
		if got[key] != want {
			t.Errorf("%s is at %q, want %q", key, got[key], want)
		}
	}
}

func TestMistakesWithoutASource(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[", "- a", "a: &a [*a]", "http: 1"} {
		from := config.Sources{ReadFile: func(string) ([]byte, error) { return []byte(text), nil }}
		for _, m := range config.Locate(from, config.Mistakes{{Key: "log.level"}, {Key: ""}, {Key: "directories[7].id"}}) {
			if m.Source != "" {
				t.Errorf("%q in %q is at %s", m.Key, text, m.Source)
			}
		}
	}
}
