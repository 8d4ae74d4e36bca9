package config_test

import (
	"encoding/json"
	"strings"
	"testing"
)

// The settings of a directory may contain secrets in URLs, parameters, lists and numbers.
func TestMaskedDirectoriesContainNoSecret(t *testing.T) {
	t.Parallel()
	c, err := load(`
directories:
  - {id: local, type: builtin}
  - id: corp
    type: oidc
    issuer: 'https://u:hunter2@idp.example.org/realm'
    proxy_url: 'http://proxyuser:hunter2@proxy.example.org:3128'
    metadata_url: 'https://idp.example.org/meta?tenant=shown&api_key=hunter2&Client-Secret=hunter2'
    authorize_params: {domain_hint: hunter2, prompt: hunter2}
    extra_headers: {X-Anything: hunter2}
    apiKey: hunter2
    pin: {password: 2222222}
    list: [{client_secret: hunter2}, 'https://hunter2@h/', {deep: [{token: hunter2}]}]
  - id: ad
    type: ldap
    urls: ['ldaps://ok.example.org', 'ldap://cn=x:hunter2@ldap.example.org:389']
    bind_dn: 'cn=shown'
  - id: raw
    type: oidc
    proxy_url: 'proxyuser:hunter2@proxy.example.org:3128'
    issuer: 'https://u:hunter2/hunter2?hunter2@idp.example.org'
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
	for _, text := range []string{string(yaml), string(asJSON)} {
		for _, secret := range []string{"hunter2", "2222222", "proxyuser"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s is in the output:\n%s", secret, text)
			}
		}
		for _, shown := range []string{
			"@proxy.example.org:3128", "tenant=shown", "domain_hint", "cn=shown", "ldaps://ok.example.org",
			"@idp.example.org/realm",
		} {
			if !strings.Contains(text, shown) {
				t.Errorf("%s is not in the output:\n%s", shown, text)
			}
		}
	}
}

func TestMistakesAboutURLsContainNoPassword(t *testing.T) {
	t.Parallel()
	_, err := load(`
http: {public_url: 'https://u:hunter2@id.example.org'}
sso:
  redirect_uris: ['https://u:hunter2@app.example.org/']
  post_logout_redirect_uris: ['http://app.example.org/?access_token=hunter2']
users_api: {cors_origins: ['https://hunter2@app.example.org', 'https://u:hunter2@APP.example.org']}
`)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
	for _, wrong := range []string{
		"http: {trusted_proxies: ['https://u:hunter2@proxy.example.org']}",
		"http: {address: 'http://u:hunter2@id.example.org'}",
		"default_directory: 'ldap://u:hunter2@corp'", "tokens: {algorithm: 'https://u:hunter2@id.example.org'}",
	} {
		if _, err := load(wrong); err == nil || strings.Contains(err.Error(), "hunter2") ||
			!strings.Contains(err.Error(), "********@") {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}
