package config_test

import (
	"strings"
	"testing"
)

func TestMistakes(t *testing.T) {
	t.Parallel()
	const (
		smtp   = "mail: {driver: smtp, smtp: {address: 'mx.example.org:587', from: 'a@example.org', "
		sms    = "sms: {driver: http, http: {url: 'https://sms.example.org', "
		key    = "keyring: {key: MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}\n"
		argon2 = "passwords: {argon2: {"
	)
	tests := map[string]struct{ yaml, want string }{
		"an unknown section":            {"htpt: {}", `htpt: there is no such key (did you mean "http"?)`},
		"a key with dots":               {"http.address: x", "http.address: there is no such key"},
		"a key twice":                   {"data_dir: a\ndata_dir: b", "is no YAML: unmarshal errors: line 2"},
		"no map":                        {"hunter2", "./ostiary.yaml: must be a map of keys"},
		"a list for a map":              {"http: [1]", "http: must be a map of keys"},
		"a text for a list":             {"sso: {redirect_uris: x}", "sso.redirect_uris: must be a list"},
		"a number for a text":           {"data_dir: 7", "data_dir: must be text: put it in quotes"},
		"a date for a text":             {"data_dir: 2026-01-01", "data_dir: must be text"},
		"a text for a number":           {"users_api: {list_max_level: '7'}", "must be a whole number, without quotes"},
		"a fraction for a whole number": {"users_api: {list_max_level: 7.5}", "must be a whole number"},
		"a text for a switch":           {"docs: {enabled: 'no'}", "docs.enabled: must be true or false"},
		"a time without a unit":         {"tokens: {access_token_lifetime: 3600}", "must be a time with its unit"},
		"a negative time":               {"tokens: {access_token_lifetime: -1h}", "must be a time with its unit"},
		"a time too long": {
			"tokens: {access_token_lifetime: 48h}",
			"tokens.access_token_lifetime: must be from 1m to 1d",
		},
		"a rate without a time": {
			"rate_limits: {login: '5'}",
			`rate_limits.login: "5" is not right: write a number and a time`,
		},
		"a rate of nothing":        {"rate_limits: {login: 0/1m}", "write a number and a time"},
		"a proxy without a length": {"http: {trusted_proxies: [10.0.0.1]}", `"10.0.0.1" is no network`},
		"a proxy list of all addresses": {
			"http: {trusted_proxies: [0.0.0.0/0]}",
			"would let every client choose its own address",
		},
		"a proxy with bits beyond its length": {"http: {trusted_proxies: [10.1.2.3/8]}", "write 10.0.0.0/8, or 10.1.2.3/32"},
		"an unknown way to count sign-ins": {
			"rate_limits: {login_counts: some}",
			`rate_limits.login_counts: "some" is none of all, failures`,
		},
		"an exemption of all addresses": {
			"rate_limits: {exempt: ['::/0']}",
			"rate_limits.exempt: ::/0 would exempt every client",
		},
		"an exemption with bits beyond": {
			"rate_limits: {exempt: [192.0.2.7/24]}",
			"write 192.0.2.0/24, or 192.0.2.7/32",
		},
		"an address without a port":      {"http: {address: localhost}", `http.address: "localhost" is no address`},
		"an address with a service name": {"http: {address: 'localhost:http'}", "is no address"},
		"plain HTTP beyond this machine": {
			"http: {address: '0.0.0.0:8080'}",
			"answers other machines without encryption",
		},
		"plain HTTP on every address": {"http: {address: ':8080'}", "answers other machines without encryption"},
		"half a certificate": {
			"http: {tls: {certificate_file: a.pem}}",
			"http.tls: needs certificate_file and private_key_file",
		},
		"a public URL with a path":         {"http: {public_url: 'https://a.example.org/x'}", "http.public_url: "},
		"a public URL with another scheme": {"http: {public_url: 'ftp://a.example.org'}", "http.public_url: "},
		"no folder":                        {"data_dir: ''", "data_dir: must name a folder"},
		"an unknown storage driver": {
			"storage: {driver: mongo}",
			`"mongo" is none of sqlite, mongodb (did you mean "mongodb"?)`,
		},
		"MongoDB without an address": {
			key + "storage: {driver: mongodb}",
			"storage.mongodb.uri: must be a mongodb://",
		},
		"MongoDB without a key": {
			"storage: {driver: mongodb, mongodb: {uri: 'mongodb://h'}}",
			"keyring.key: is needed with storage.driver mongodb",
		},
		"a time-out that the store cannot keep": {
			key +
				"storage: {driver: mongodb, mongodb: {uri: 'mongodb://a,b/?w=majority&timeoutms=20000'}}",
			"storage.mongodb.uri: timeoutMS must be 100 to 10000",
		},
		"a database name with a dot": {key +
			"storage: {driver: mongodb, mongodb: {uri: 'mongodb://h', database: a.b}}", "storage.mongodb.database"},
		"a short key": {"keyring: {key: c2hvcnQ=}", "keyring.key: must be 32 random bytes"},
		"half a first administrator": {
			"bootstrap: {username: root}",
			"bootstrap: needs username, email and password",
		},
		"a short first password": {
			"bootstrap: {username: a, email: a@b.c, password: short}",
			"bootstrap.password: is shorter than 12",
		},
		"mail without encryption": {
			smtp + "tls: none}}",
			"mail.smtp.tls: may be none for a server on this machine only",
		},
		"mail with half a login": {smtp + "username: a}}", "mail.smtp: needs username and password"},
		"a gateway without encryption": {
			"sms: {driver: http, http: {url: 'http://sms.example.org'}}",
			"sms.http.url: must be an https address",
		},
		"a body that calls what there is not": {sms + "body: '{{exec .To}}'}}", "sms.http.body: is no template"},
		"a body that is no template":          {sms + "body: '{{.To'}}", "sms.http.body: is no template"},
		"a gateway's success that is none":    {sms + "success_status: [404]}}", "sms.http.success_status"},
		"no directory":                        {"directories: []", "directories: is empty"},
		"a directory without an id":           {"directories: [{type: builtin}]", `directories[0].id: "" is no id`},
		"two directories of one id": {
			"directories: [{id: a, type: builtin}, {id: a, type: ldap}]",
			"directories.a: is there twice",
		},
		"two built-in directories": {
			"directories: [{id: a, type: builtin}, {id: b, type: builtin}]",
			"there can be one",
		},
		"a default that is no directory": {
			"default_directory: corp",
			`default_directory: "corp" is none of the directories (local)`,
		},
		"no default for new users":      {"directories: [{id: a, type: ldap}]", "default_directory: must name one"},
		"a redirect to anywhere":        {"sso: {redirect_uris: ['https://*.example.org/']}", "must be one whole address"},
		"a redirect without encryption": {"sso: {redirect_uris: ['http://app.example.org/cb']}", "must be https"},
		"a redirect into a script": {
			"sso: {redirect_uris: ['javascript:alert(1)']}",
			"is nothing to send a browser to",
		},
		"the publicly known secret": {
			"users_api: {tpt_secret: 073821603fcc483f9afee3f1500782a4}",
			"the original software shipped with",
		},
		"a short token secret":             {"users_api: {tpt_secret: short}", "is shorter than 32 bytes"},
		"every origin":                     {"users_api: {cors_origins: ['*']}", "users_api.cors_origins"},
		"every origin of the Security API": {"http: {cors_origins: ['*']}", "http.cors_origins"},
		"an origin with a path":            {"http: {cors_origins: ['https://app.example.org/']}", "http.cors_origins"},
		"an origin in capitals":            {"http: {cors_origins: ['https://App.example.org']}", "http.cors_origins"},
		"an origin with the scheme's port": {"http: {cors_origins: ['https://app.example.org:443']}", "http.cors_origins"},
		"the origin null":                  {"http: {cors_origins: ['null']}", "http.cors_origins"},
		"fewer than no connections":        {"http: {max_connections_per_source: -1}", "http.max_connections_per_source"},
		"no such time zone":                {"users_api: {timezone: Mars/Olympus}", `"Mars/Olympus" is no time zone`},
		"a symmetric algorithm": {
			"tokens: {algorithm: HS256}",
			`tokens.algorithm: "HS256" is none of EdDSA, ES256, RS256`,
		},
		"an issuer without encryption": {
			"tokens: {issuer: 'http://id.example.org'}",
			"tokens.issuer: must be an https address",
		},
		"a hash beyond the ceiling": {
			argon2 + "memory_kib: 131072, iterations: 5}}",
			"passwords.argon2: costs too much",
		},
		"a hash of much memory": {argon2 + "memory_kib: 131073}}", "passwords.argon2.memory_kib"},
		"a cheap hash":          {argon2 + "memory_kib: 7168, iterations: 1}}", "passwords.argon2: is too cheap"},
		"metrics on the public listener": {
			"metrics: {address: '127.0.0.1:8080'}",
			"metrics.address: is the public listener's",
		},
		"profiles without the metrics listener": {
			"metrics: {address: off, profile: on}",
			"metrics.profile: needs the metrics listener",
		},
		"profiles beyond loopback": {
			"metrics: {address: '0.0.0.0:9090', profile: on}",
			"metrics.profile: is on, and metrics.address 0.0.0.0:9090 is beyond loopback",
		},
		"profiles of an unknown kind": {"metrics: {profile: always}", "metrics.profile: \"always\" is none of"},
		"a secret in a file that is not there": {
			"mail: {smtp: {password_file: /nowhere}}", "mail.smtp.password_file: cannot be read",
		},
		"an empty file of a secret": {"keyring: {key_file: /secrets/empty}", "keyring.key_file: /secrets/empty is empty"},
		"a file that is no secret":  {"keyring: {key_file: /secrets/large}", "is larger than 64 KiB"},
		"a secret twice": {
			"users_api: {tpt_secret: a, tpt_secret_file: /secrets/one}",
			"users_api.tpt_secret: is given twice: keep it or users_api.tpt_secret_file",
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := load(test.yaml)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %s", err, test.want)
			}
		})
	}
}

func TestValidConfigurations(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"an empty file":                 "",
		"empty sections":                "mail:\nhttp:\n",
		"plain HTTP behind a proxy":     "http: {address: '0.0.0.0:8080', trusted_proxies: [10.0.0.0/8]}",
		"plain HTTP by explicit switch": "http: {address: '0.0.0.0:8080', allow_plain: true}",
		"a certificate": "http: {address: '0.0.0.0:8443', tls: {certificate_file: a, " +
			"private_key_file: b}}",
		"mail on this machine without encryption": "mail: {driver: smtp, smtp: {address: 'localhost:25', from: " +
			"a@example.org, tls: none}}",
		"a key in hexadecimal": "keyring: {key: " +
			"'ff31323334353637383961626364656630313233343536373839616263646566'}",
		"an earlier key": `keyring: {key: "ff31323334353637383961626364656630313233343536373839616263646566\n# before\nMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="}`,
		"a redirect to an app on the same machine": "sso: {redirect_uris: ['http://localhost:3000/cb', " +
			"'org.example.app:/cb']}",
		"a rate that is switched off": "rate_limits: {login: off}",
		"limits for offices behind one address": "rate_limits: {login_counts: failures, password_reset_source: 5/1m, " +
			"exempt: [192.0.2.0/24, 2001:db8::/32]}",
		"metrics switched off":                       "metrics: {address: off}",
		"profiles on loopback":                       "metrics: {profile: on}",
		"profiles beyond loopback by explicit value": "metrics: {address: '0.0.0.0:9090', profile: remote}",
	}
	for name, yaml := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := load(yaml); err != nil {
				t.Error(err)
			}
		})
	}
}
