package config

import (
	"net/http"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // time zones by name on machines without them, such as an empty container
	"unicode"
	"unicode/utf8"
)

// helloName matches an EHLO name (RFC 5321 section 4.1.1.1): a host name, or an address in brackets.
var helloName = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?|\[[0-9A-Fa-fIPv.:]{2,64}\])$`)

func (c Mail) check(m *Mistakes) {
	oneOf(m, "mail.driver", c.Driver, DriverLog, DriverSMTP)
	if c.Driver != DriverSMTP {
		return
	}
	loopback, ok := checkAddress(m, "mail.smtp.address", c.SMTP.Address)
	oneOf(m, "mail.smtp.tls", c.SMTP.TLS, TLSStart, TLSFull, TLSNone)
	if ok && !loopback && c.SMTP.TLS == TLSNone {
		m.add("mail.smtp.tls", "may be none for a server on this machine only: mail carries links that set passwords")
	}
	if _, err := mail.ParseAddress(c.SMTP.From); err != nil {
		m.add("mail.smtp.from", `must be an address, such as "Ostiary <accounts@example.org>"`)
	}
	if (c.SMTP.Username == "") != (c.SMTP.Password == "") {
		m.add("mail.smtp", "needs username and password (or password_file), both or none")
	}
	if c.SMTP.Hello != "" && !helloName.MatchString(c.SMTP.Hello) {
		m.add("mail.smtp.hello", "must be a host name, such as id.example.org, or an address in brackets")
	}
	between(m, "mail.smtp.timeout", c.SMTP.Timeout, time.Second, time.Minute)
}

// gatewayPlaceholder matches a placeholder of the gateway's templates; the adapter defines its meaning.
var gatewayPlaceholder = regexp.MustCompile(`\{\{\s*(?:(?:json|query)\s+)?\.(?:To|Text|ID|Secret)\s*\}\}`)

func (c SMS) check(m *Mistakes) {
	oneOf(m, "sms.driver", c.Driver, DriverLog, DriverHTTP)
	if c.Driver != DriverHTTP {
		return
	}
	h := c.HTTP
	if u, err := url.Parse(h.URL); err != nil || u.Host == "" || !secureScheme(u) {
		m.add("sms.http.url", "must be an https address; http for this machine only")
	}
	oneOf(m, "sms.http.method", h.Method, http.MethodPost, http.MethodPut, http.MethodGet)
	templates := map[string]string{"sms.http.url": h.URL, "sms.http.body": h.Body}
	for name, value := range h.Headers {
		templates["sms.http.headers."+name] = value.Reveal()
	}
	for key, text := range templates {
		// The message does not quote the template: a header's may contain a secret.
		if strings.Contains(gatewayPlaceholder.ReplaceAllLiteralString(text, ""), "{{") {
			m.add(key,
				`is no template: write what varies as {{.To}}, {{.Text}}, {{.ID}} or {{.Secret}}, quoted as in {{json .Text}} or {{query .Text}}`)
		}
	}
	if len(h.SuccessStatus) == 0 || slices.ContainsFunc(h.SuccessStatus, func(s int) bool { return s < 200 || s > 299 }) {
		m.add("sms.http.success_status", "must be a list of numbers from 200 to 299")
	}
	between(m, "sms.http.timeout", h.Timeout, time.Second, time.Minute)
}

func (s SSO) check(m *Mistakes) {
	checkReturns(m, "sso.redirect_uris", s.RedirectURIs)
	checkReturns(m, "sso.post_logout_redirect_uris", s.PostLogoutRedirectURIs)
	between(m, "sso.check_interval", s.CheckInterval, time.Minute, 24*time.Hour)
}

// checkReturns checks the URLs that a browser may be redirected to.
func checkReturns(m *Mistakes, key string, uris []string) {
	for _, uri := range uris {
		u, err := url.Parse(uri)
		switch {
		case err != nil || u.Scheme == "" || u.Fragment != "" || u.User != nil || hasWildcard(uri):
			m.add(key, "%q must be one whole address, without fragment, user or *", uri)
		case slices.Contains([]string{"javascript", "data", "file", "vbscript", "blob"}, u.Scheme):
			m.add(key, "%q is nothing to send a browser to", uri)
		case u.Scheme == "http" && !secureScheme(u), u.Scheme == "https" && u.Host == "":
			m.add(key, "%q must be https; http for this machine only (RFC 8252)", uri)
		}
	}
}

// originalTPTSecret is the publicly known secret that the software from which the Users API comes shipped with.
const originalTPTSecret = "073821603fcc483f9afee3f1500782a4" //nolint:gosec // the known secret that is refused

const minTPTSecret = 32 // bytes: RFC 7518 section 3.2 requires as many as the hash has

// SigningSecret returns the secret of third-party tokens, or "" if there is none. The known default does not count:
// it is accepted in the configuration of a disabled Users API, and nothing is signed or verified with it.
func (a UsersAPI) SigningSecret() string {
	if secret := a.TPTSecret.Reveal(); secret != originalTPTSecret {
		return secret
	}
	return ""
}

func (a UsersAPI) check(m *Mistakes) {
	secret := a.TPTSecret.Reveal()
	switch {
	case secret == originalTPTSecret && a.Enabled:
		m.add("users_api.tpt_secret",
			"is the one that the original software shipped with: make another by `openssl rand -hex 32`")
	case secret != "" && secret != originalTPTSecret && len(secret) < minTPTSecret:
		m.add("users_api.tpt_secret", "is shorter than %d bytes: make one by `openssl rand -hex 32`", minTPTSecret)
	}
	if a.TPTLifetime != 0 {
		between(m, "users_api.tpt_lifetime", a.TPTLifetime, time.Minute, 3650*day)
	}
	if a.ListMaxLevel < -1 {
		m.add("users_api.list_max_level", "must be a level, or -1 for every signed-in user")
	}
	checkCORSOrigins(m, "users_api.cors_origins", a.CORSOrigins)
	if _, err := time.LoadLocation(a.Timezone); err != nil || a.Timezone == "" || a.Timezone == "Local" {
		m.add("users_api.timezone", "%q is no time zone: write one as in UTC or Europe/Prague", a.Timezone)
	}
}

const maxIssuer = 64 // characters, of which apps display fewer

func (t TOTP) check(m *Mistakes) {
	tooLong := utf8.RuneCountInString(t.Issuer) > maxIssuer
	if tooLong || !utf8.ValidString(t.Issuer) || strings.ContainsFunc(t.Issuer, notInIssuer) {
		m.add("totp.issuer", "must be a name of at most %d characters without a colon, such as Example Inc.", maxIssuer)
	}
}

// notInIssuer reports whether a character separates issuer and account in authenticator apps, or is not displayed.
func notInIssuer(r rune) bool { return r == ':' || !unicode.IsPrint(r) }

func (t Tokens) check(m *Mistakes) {
	oneOf(m, "tokens.algorithm", t.Algorithm, "EdDSA", "ES256", "RS256")
	between(m, "tokens.access_token_lifetime", t.AccessTokenLifetime, time.Minute, day)
	if t.Issuer != "" {
		if u, err := url.Parse(t.Issuer); err != nil || u.Host == "" || u.RawQuery != "" || u.Fragment != "" ||
			!secureScheme(u) {
			m.add("tokens.issuer", "must be an https address without query and fragment, or empty for http.public_url")
		}
	}
	if t.Audience == "" {
		m.add("tokens.audience", "must name who the tokens are for")
	}
}
