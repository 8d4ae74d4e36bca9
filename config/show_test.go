package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/config"
)

func TestFormattingMasksSecrets(t *testing.T) {
	t.Parallel()
	c, err := load(`
keyring: {key: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}
storage: {driver: mongodb, mongodb: {uri: 'mongodb://u:hunter2@h'}}
bootstrap: {username: root, email: a@b.c, password: hunter2hunter2}
mail: {smtp: {password: hunter2}}
sms: {http: {secret: hunter2, url: 'https://u:hunter2@gw.example.org/send?key=hunter2', body: key=hunter2, headers: {Authorization: Bearer hunter2}}}
users_api: {tpt_secret: hunter2hunter2hunter2hunter2hunter2}
directories:
  - {id: local, type: builtin}
  - {id: corp, type: ldap, bind_password: hunter2, inner: {client_secret: hunter2}}
`)
	if err != nil {
		t.Fatal(err)
	}
	yaml, err := c.YAML()
	if err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c.Masked())
	if err != nil {
		t.Fatal(err)
	}
	inParts := fmt.Sprintf("%v %+v %#v %s", c.Mail, c.Storage, c.UsersAPI, c.SMS.HTTP.Headers)
	for name, text := range map[string]string{"YAML": string(yaml), "JSON": string(asJSON), "formatted": inParts} {
		for _, secret := range []string{"hunter2", "MDEyMzQ1"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s shows a secret:\n%s", name, text)
			}
		}
	}
	if !strings.Contains(string(yaml), "url: https://********@gw.example.org/send?********") {
		t.Errorf("the gateway is not in the output:\n%s", yaml)
	}
	if !strings.Contains(string(yaml), "bind_password: '********'") || !strings.Contains(string(yaml), "login: 5/1m") {
		t.Errorf("the YAML is not what a file would say:\n%s", yaml)
	}
}

func TestMistakesContainNoSecrets(t *testing.T) {
	t.Parallel()
	for _, yaml := range []string{
		"hunter2", "- hunter2", "users_api: {tpt_secret: hunter2}", "keyring: {key: hunter2}",
		"storage: {driver: mongodb, mongodb: {uri: hunter2}}",
		"mail: {smtp: {password: [hunter2]}}", "sms: {driver: http, http: {headers: {A: '{{hunter2'}}}",
		"bootstrap: {username: a, email: a@b.c, password: hunter2}",
	} {
		if _, err := load(yaml); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", yaml, err)
		}
	}
}

func TestMaskedConfigurationLoadsAgain(t *testing.T) {
	t.Parallel()
	text, err := config.Default().YAML()
	if err != nil {
		t.Fatal(err)
	}
	got, err := load(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got, equal); diff != "" {
		t.Error(diff)
	}
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	c, err := load(`
http: {address: '0.0.0.0:8080', allow_plain: true}
mail: {smtp: {address: 'mx.example.org:587'}}
`)
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, w := range c.Warnings() {
		keys = append(keys, w.Key)
	}
	if diff := cmp.Diff([]string{"http.public_url", "mail.driver"}, keys); diff != "" {
		t.Error(diff)
	}
}
