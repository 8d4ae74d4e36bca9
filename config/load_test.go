package config_test

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ostiary/ostiary/config"
)

// files returns a ReadFile with the given files.
func files(content map[string]string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		text, ok := content[name]
		if !ok {
			return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
		}
		return []byte(text), nil
	}
}

func load(yaml string, environ ...string) (config.Config, error) {
	return config.Load(config.Sources{
		Environ: environ,
		ReadFile: files(map[string]string{
			config.DefaultFile: yaml, "/secrets/one": "first secret\n", "/secrets/two": "second secret", "/secrets/empty": "\n",
			"/secrets/large": strings.Repeat("x", 65<<10), "/secrets/marked": "\ufeffmarked secret\r\n",
			"/secrets/wide": "\xff\xfes\x00",
		}),
	})
}

var equal = cmp.Options{cmpopts.EquateComparable(netip.Prefix{}), cmpopts.EquateEmpty()}

func TestEmptyConfigurationIsTheDefault(t *testing.T) {
	t.Parallel()
	got, err := config.Load(config.Sources{ReadFile: files(nil)})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got, equal); diff != "" {
		t.Error(diff)
	}
	if w := got.Warnings(); len(w) > 0 {
		t.Errorf("the default warns: %v", w)
	}
}

func TestExampleFileIsTheDefault(t *testing.T) {
	t.Parallel()
	got, err := config.Load(config.Sources{File: "ostiary.example.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(config.Default(), got, equal); diff != "" {
		t.Errorf("the example overrides a default (-default +example):\n%s", diff)
	}
}

func TestExampleFileHasEveryKey(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("ostiary.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	lines := linesOf(string(text))
	for _, key := range config.Keys() {
		line, present := lines[key.Path]
		if !present {
			t.Errorf("%s is missing", key.Path)
		}
		if key.Secret != strings.Contains(line, "# secret") {
			t.Errorf("%s: whether it is a secret is not documented: %s", key.Path, line)
		}
	}
}

// linesOf returns the line of each key of the example, by its indentation.
func linesOf(text string) map[string]string {
	lines, stack := map[string]string{}, []string{}
	for line := range strings.Lines(text) {
		name, _, isKey := strings.Cut(strings.TrimLeft(line, " "), ":")
		if !isKey || strings.ContainsAny(name, "#- ") {
			continue
		}
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		stack = append(stack[:min(depth, len(stack))], name)
		lines[strings.Join(stack, ".")] = line
	}
	return lines
}

func TestKeysHaveDistinctVariables(t *testing.T) {
	t.Parallel()
	seen := map[string]string{config.ConfigVariable: "--config"}
	for _, key := range config.Keys() {
		for _, name := range []string{key.Env, key.Env + "_FILE"} {
			if key.Env == "" || name != key.Env && !key.Secret {
				continue
			}
			if other, taken := seen[name]; taken {
				t.Errorf("%s and %s are both %s", key.Path, other, name)
			}
			seen[name] = key.Path
		}
	}
}

func TestLaterSourcesOverrideEarlierOnes(t *testing.T) {
	t.Parallel()
	got, err := config.Load(config.Sources{
		File: "/etc/o.yaml",
		Environ: []string{
			"OSTIARY_LOG_LEVEL=warn", "OSTIARY_DATA_DIR=/from/environment", "PATH=/bin",
			"OSTIARY_CONFIG=/not/this",
		},
		Flags: map[string]string{"data_dir": "/from/flag"},
		ReadFile: files(map[string]string{
			"/etc/o.yaml": "log: {level: debug, format: json}\ndata_dir: /from/file\n", config.DefaultFile: "unread: true",
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.Log = config.Log{Level: "warn", Format: "json"}
	want.DataDir = "/from/flag"
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
}

func TestVariableNamesTheFile(t *testing.T) {
	t.Parallel()
	got, err := config.Load(config.Sources{
		Environ:  []string{"OSTIARY_CONFIG=/etc/o.yaml"},
		ReadFile: files(map[string]string{"/etc/o.yaml": "data_dir: /here"}),
	})
	if err != nil || got.DataDir != "/here" {
		t.Errorf("data_dir = %q, %v", got.DataDir, err)
	}
	if _, err = config.Load(config.Sources{
		Environ:  []string{"OSTIARY_CONFIG=/gone.yaml"},
		ReadFile: files(nil),
	}); err == nil {
		t.Error("a file that was asked for and is not there is no mistake")
	}
}

func TestValuesFromTheEnvironment(t *testing.T) {
	t.Parallel()
	got, err := load("mail: {smtp: {password_file: /secrets/one}}",
		"OSTIARY_HTTP_TRUSTED_PROXIES=10.0.0.0/8, fd00::/8", "OSTIARY_RATE_LIMITS_LOGIN=off",
		"OSTIARY_RATE_LIMITS_API_KEYS=7/2d",
		"OSTIARY_USERS_API_ENABLED=false", "OSTIARY_PASSWORDS_ARGON2_ITERATIONS=3", "OSTIARY_USERS_API_TPT_LIFETIME=30d",
		"OSTIARY_SMS_HTTP_SUCCESS_STATUS=200,202", "OSTIARY_MAIL_SMTP_PASSWORD_FILE=/secrets/two", "OSTIARY_LOG_LEVEL=",
		"OSTIARY_SSO_REDIRECT_URIS=https://a.example.org/cb")
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.HTTP.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	want.RateLimits.Login = config.Rate{}
	want.RateLimits.APIKeys = config.Rate{Limit: 7, Window: 48 * time.Hour}
	want.UsersAPI.Enabled = false
	want.UsersAPI.TPTLifetime = 30 * 24 * time.Hour
	want.Passwords.Argon2.Iterations = 3
	want.SMS.HTTP.SuccessStatus = []int{200, 202}
	want.Mail.SMTP.Password = "second secret"
	want.SSO.RedirectURIs = []string{"https://a.example.org/cb"}
	if diff := cmp.Diff(want, got, equal); diff != "" {
		t.Error(diff)
	}
}

func TestForeignVariablesAreIgnored(t *testing.T) {
	t.Parallel()
	_, err := load("", "OSTIARY_SERVICE_HOST=10.0.0.1", "OSTIARY_SERVICE_PORT=80", "OSTIARY_SERVICE_PORT_HTTP=80",
		"OSTIARY_PORT=tcp://10.0.0.1:80", "OSTIARY_PORT_80_TCP=tcp://10.0.0.1:80", "OSTIARY_PORT_80_TCP_ADDR=10.0.0.1",
		"OSTIARY_METRICS_SERVICE_HOST=10.0.0.2", "OSTIARY_TEST_MONGODB_URI=x", "OSTIARYX=1")
	if err != nil {
		t.Error(err)
	}
}

func TestSecretsAreReadFromFiles(t *testing.T) {
	t.Parallel()
	got, err := load("keyring: {key_file: /secrets/one}\nusers_api: {tpt_secret_file: /secrets/one}\n")
	var mistakes config.Mistakes
	if !errors.As(err, &mistakes) {
		t.Fatalf("a short secret passes: %v, %v", got, err)
	}
	want := []string{"keyring.key", "users_api.tpt_secret"}
	for i, m := range mistakes {
		if m.Key != want[i] {
			t.Errorf("%v", m)
		}
	}
}

func TestAllMistakesAreReportedAtOnce(t *testing.T) {
	t.Parallel()
	_, err := load("http: {addr: x, shutdown_timeout: 5}\nlog: {level: loud}\nmail: {driver: smtp}\n",
		"OSTIARY_HTP_ADDRESS=y")
	want := []string{
		`OSTIARY_HTP_ADDRESS: there is no such variable (did you mean "OSTIARY_HTTP_ADDRESS"?)`,
		`http.shutdown_timeout: must be a time with its unit`,
		`http.addr: there is no such key`,
		`mail.smtp.address: "" is no address`,
		`mail.smtp.from: must be an address`,
		`log.level: "loud" is none of debug, info, warn, error`,
	}
	if err == nil {
		t.Fatal("no mistake was found")
	}
	lines := strings.Split(err.Error(), "\n")
	for i, line := range lines {
		if i >= len(want) || !strings.HasPrefix(line, want[i]) {
			t.Errorf("line %d: %s", i, line)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%d mistakes, want %d", len(lines), len(want))
	}
}

func TestGatewayTemplatesMayQuote(t *testing.T) {
	t.Parallel()
	_, err := load(
		`sms: {driver: http, http: {url: 'https://sms.example.org/?to={{query .To}}', body: '{"text": {{json .Text}}}'}}`)
	if err != nil {
		t.Errorf("the value of the example file is refused: %v", err)
	}
}
