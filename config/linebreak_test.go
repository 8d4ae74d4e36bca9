package config_test

import (
	"strings"
	"testing"

	"github.com/ostiary/ostiary/config"
)

// `echo secret | base64` adds a line break to a Kubernetes secret, and "|" adds one in YAML.
func TestTrailingLineBreakOfASecretIsDropped(t *testing.T) {
	t.Parallel()
	const file = `
mail: {driver: smtp, smtp: {address: 'mx.example.org:587', from: a@example.org}}
sms: {http: {secret: "in the file\r\n", headers: {Authorization: "Bearer x\n"}}}
directories:
  - {id: local, type: builtin}
  - {id: corp, type: ldap, bind_password: "in the file\n"}
  - {id: other, type: ldap}
`
	for _, end := range []string{"", "\n", "\r\n"} {
		c, err := load(file,
			"OSTIARY_BOOTSTRAP_USERNAME=root"+end, "OSTIARY_BOOTSTRAP_EMAIL=root@example.org"+end,
			"OSTIARY_BOOTSTRAP_PASSWORD=correct horse 7"+end,
			"OSTIARY_MAIL_SMTP_USERNAME=mailer"+end, "OSTIARY_MAIL_SMTP_PASSWORD=mail secret"+end,
			"OSTIARY_DIRECTORIES_OTHER_BIND_PASSWORD=bind secret"+end, "OSTIARY_USERS_API_TPT_SECRET_FILE=/secrets/one"+end,
			"OSTIARY_LOG_LEVEL="+end)
		if err != nil && !strings.Contains(err.Error(), "users_api.tpt_secret: is shorter") {
			t.Fatalf("%q: %v", end, err)
		}
		got := []string{
			c.Bootstrap.Username, c.Bootstrap.Email, c.Bootstrap.Password.Reveal(), c.Mail.SMTP.Username,
			c.Mail.SMTP.Password.Reveal(),
			c.SMS.HTTP.Secret.Reveal(), c.SMS.HTTP.Headers["Authorization"].Reveal(), c.UsersAPI.TPTSecret.Reveal(), c.Log.Level,
			passwordOf(c, "corp"), passwordOf(c, "other"),
		}
		want := []string{
			"root", "root@example.org", "correct horse 7", "mailer", "mail secret", "in the file", "Bearer x",
			"first secret", "info", "in the file", "bind secret",
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("with %q at the end: %q, want %q", end, got[i], want[i])
			}
		}
	}
	c, err := load("", "OSTIARY_BOOTSTRAP_USERNAME=r", "OSTIARY_BOOTSTRAP_EMAIL=a@b.c",
		"OSTIARY_BOOTSTRAP_PASSWORD= two lines\nand spaces \n\n")
	if got := c.Bootstrap.Password.Reveal(); err != nil || got != " two lines\nand spaces \n" {
		t.Errorf("more than the one line break was dropped: %q, %v", got, err)
	}
}

func passwordOf(c config.Config, id string) string {
	for _, d := range c.Directories {
		if d.ID == id {
			password, _ := d.Settings["bind_password"].(string)
			return password
		}
	}
	return ""
}

func TestSecretFilesSavedOnWindows(t *testing.T) {
	t.Parallel()
	c, err := load("mail: {smtp: {password_file: /secrets/marked}}")
	if got := c.Mail.SMTP.Password.Reveal(); err != nil || got != "marked secret" {
		t.Errorf("with a byte order mark: %q, %v", got, err)
	}
	_, err = load("mail: {smtp: {password_file: /secrets/wide}}")
	if err == nil || !strings.Contains(err.Error(), "UTF-16") {
		t.Errorf("in UTF-16: %v", err)
	}
}

func TestNamesOfThisInstallation(t *testing.T) {
	t.Parallel()
	for yaml, want := range map[string][2]string{
		"": {"localhost", "localhost"},
		"http: {public_url: 'https://id.example.org:8443'}":                     {"id.example.org", "id.example.org"},
		"http: {public_url: 'https://192.0.2.1'}":                               {"[192.0.2.1]", "192.0.2.1"},
		"http: {public_url: 'https://[2001:db8::1]'}":                           {"[IPv6:2001:db8::1]", "2001:db8::1"},
		"mail: {smtp: {hello: mail.example.org}}\ntotp: {issuer: Example Inc.}": {"mail.example.org", "Example Inc."},
	} {
		c, err := load(yaml)
		if got := [2]string{c.MailHello(), c.TOTPIssuer()}; err != nil || got != want {
			t.Errorf("%s: EHLO and issuer are %q, want %q; %v", yaml, got, want, err)
		}
	}
	const smtp = "mail: {driver: smtp, smtp: {address: 'mx.example.org:587', from: a@example.org, hello: "
	for _, yaml := range []string{
		smtp + "'a b'}}", smtp + `"x\r\nMAIL"}}`, "totp: {issuer: 'a:b'}", `totp: {issuer: "a\nb"}`,
	} {
		if _, err := load(yaml); err == nil {
			t.Errorf("%s is taken", yaml)
		}
	}
}
