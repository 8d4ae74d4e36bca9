package config_test

import (
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/config"
)

// FuzzLoad checks that Load returns for any file and environment, and that an accepted configuration loads again from
// its own output.
func FuzzLoad(f *testing.F) {
	example, err := os.ReadFile("ostiary.example.yaml")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(example), "OSTIARY_HTTP_ADDRESS=localhost:1")
	f.Add(corp, "OSTIARY_DIRECTORIES_CORP_X_BIND_PASSWORD=x")
	f.Add("a: &a [*a]\n? [x]\n: y\n1: 2\n<<: {z: 1}", "OSTIARY_RATE_LIMITS_LOGIN=9223372036854775808/1h")
	f.Add("http: {trusted_proxies: [10.0.0.0/8, ~]}\nsms: {http: {success_status: [1e3]}}",
		"OSTIARY_USERS_API_TPT_LIFETIME=99999999999d")
	f.Fuzz(func(t *testing.T, yaml, variable string) {
		c, err := load(yaml, variable)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a message")
			}
			return
		}
		if len(c.Directories) > 1 || hasSecrets(c) {
			return // a masked value does not load again
		}
		text, err := c.YAML()
		if err != nil {
			t.Fatal(err)
		}
		again, err := load(string(text))
		if err != nil {
			t.Fatalf("the output does not load: %v\n%s", err, text)
		}
		if diff := cmp.Diff(c, again, equal); diff != "" {
			t.Error(diff)
		}
	})
}

func hasSecrets(c config.Config) bool {
	return c.Keyring.Key+c.Storage.MongoDB.URI+c.Bootstrap.Password+c.Mail.SMTP.Password+c.SMS.HTTP.Secret+
		c.UsersAPI.TPTSecret != "" ||
		len(c.SMS.HTTP.Headers) > 0 || len(c.Directories[0].Settings) > 0
}
