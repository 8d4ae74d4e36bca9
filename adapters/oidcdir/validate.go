package oidcdir

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

const (
	authBasic = "basic"
	authPost  = "post"
	authNone  = "none"

	promptAuto    = "auto"
	promptOmit    = "omit"
	promptConsent = "consent"

	userInfoAuto   = "auto"
	userInfoAlways = "always"
	userInfoNever  = "never"
)

var (
	knownAlgorithms = []string{"RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384", "PS512", "EdDSA"}
	tenantForm      = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	scopeForm       = regexp.MustCompile(`^[\x21\x23-\x5B\x5D-\x7E]+$`) // RFC 6749 section 3.3
	// ownParams are the parameters of the authorization request that the package sets itself.
	ownParams = []string{
		"response_type", "response_mode", "client_id", "redirect_uri", "scope", "state", "nonce", "code_challenge",
		"code_challenge_method", "prompt", "max_age", "acr_values", "login_hint", "request", "request_uri",
	}
	// administrativeRoles are the built-in roles with administrative permissions. The core checks roles that were
	// created later.
	administrativeRoles = []domain.RoleID{domain.RoleAdmin, domain.RoleSudo}
)

// mistakes collects the errors of the settings.
type mistakes struct{ found *fault.Error }

func (m *mistakes) add(field, reason string, args ...any) {
	if m.found == nil {
		m.found = fault.ErrInvalid
	}
	m.found = m.found.About(field, fmt.Sprintf(reason, args...))
}

func (m *mistakes) err() error {
	if m.found == nil {
		return nil
	}
	return m.found
}

// validate reports all mistakes at once, after the defaults are set.
func (s *Settings) validate() error {
	var m mistakes
	s.validateIssuer(&m)
	s.validateClient(&m)
	s.validateChoices(&m)
	s.validateLists(&m)
	s.validateMaps(&m)
	s.validateTimes(&m)
	return m.err()
}

func (s *Settings) validateIssuer(m *mistakes) {
	if s.Issuer == "" {
		m.add("issuer", "is required")
		return
	}
	if err := checkURL(s.Issuer, s.AllowHTTPLoopback); err != nil {
		m.add("issuer", "%s", err.Error())
	} else if strings.ContainsAny(s.Issuer, "?#") {
		m.add("issuer", "must have no query and no fragment")
	}
	s.validateEntra(m)
}

func (s *Settings) validateEntra(m *mistakes) {
	_, multi := tenantTemplate(s.Issuer)
	switch {
	case s.Entra.MultiTenant && !multi:
		m.add("issuer", "must end in /common/v2.0 or /organizations/v2.0 with entra.multi_tenant")
	case multi && !s.Entra.MultiTenant:
		m.add("entra.multi_tenant",
			"must be switched on for the issuer of all tenants; better name your own tenant in the issuer")
	}
	if s.Entra.MultiTenant && len(s.Entra.Tenants) == 0 {
		m.add("entra.tenants", "must list the tenants that may sign in")
	}
	if !s.Entra.MultiTenant && len(s.Entra.Tenants) > 0 {
		m.add("entra.tenants", "needs entra.multi_tenant")
	}
	for i, tenant := range s.Entra.Tenants {
		if !tenantForm.MatchString(tenant) {
			m.add(fmt.Sprintf("entra.tenants[%d]", i), "must be a tenant id (a UUID in lower case)")
		}
	}
}

func (s *Settings) validateClient(m *mistakes) {
	if s.ClientID == "" {
		m.add("client_id", "is required")
	}
	if s.ClientSecret != "" && s.ClientSecretFile != "" {
		m.add("client_secret_file", "must not be given together with client_secret")
	}
	secret := s.ClientSecret != "" || s.ClientSecretFile != ""
	switch {
	case !slices.Contains([]string{"", authBasic, authPost, authNone}, s.ClientAuth):
		m.add("client_auth", "must be basic, post or none")
	case s.ClientAuth == authNone && secret:
		m.add("client_auth", "must not be none with a client secret")
	case (s.ClientAuth == authBasic || s.ClientAuth == authPost) && !secret:
		m.add("client_secret", "is required with client_auth %s", s.ClientAuth)
	}
}

func (s *Settings) validateChoices(m *mistakes) {
	if !slices.Contains([]string{promptAuto, promptOmit, promptConsent, "login", "select_account"}, s.Prompt) {
		m.add("prompt", "must be auto, consent, login, select_account or omit")
	}
	if !slices.Contains([]string{userInfoAuto, userInfoAlways, userInfoNever}, s.UserInfo) {
		m.add("userinfo", "must be auto, always or never")
	}
	if s.ProxyURL != "" {
		if u, err := url.Parse(s.ProxyURL); err != nil || u.Host == "" ||
			!slices.Contains([]string{"http", "https"}, u.Scheme) {
			m.add("proxy_url", "must be the http or https URL of a proxy")
		}
	}
	for name := range s.AuthorizeParams {
		if slices.Contains(ownParams, name) || name == "" {
			m.add("authorize_params."+name, "is set by the service itself")
		}
	}
}

func (s *Settings) validateLists(m *mistakes) {
	if !slices.Contains(s.Scopes, "openid") {
		m.add("scopes", "must hold openid")
	}
	for i, scope := range s.Scopes {
		if !scopeForm.MatchString(scope) {
			m.add(fmt.Sprintf("scopes[%d]", i), "must be one word without spaces")
		}
	}
	if slices.Contains(s.Scopes, "offline_access") && !s.OfflineAccess {
		m.add("scopes", "must not hold offline_access; switch offline_access on instead")
	}
	s.validateOthers(m)
}

func (s *Settings) validateOthers(m *mistakes) {
	for i, algorithm := range s.Algorithms {
		if !slices.Contains(knownAlgorithms, algorithm) {
			m.add(fmt.Sprintf("algorithms[%d]", i), "must be one of %s", strings.Join(knownAlgorithms, ", "))
		}
	}
	for i, name := range s.Suffixes {
		if name != strings.ToLower(name) || !strings.Contains(name, ".") || strings.ContainsAny(name, "@ /\\") {
			m.add(fmt.Sprintf("suffixes[%d]", i), "must be a domain in lower case, such as example.org")
		}
	}
	for i, want := range s.RequiredClaims {
		if want.Claim == "" || len(want.Values) == 0 {
			m.add(fmt.Sprintf("required_claims[%d]", i), "must have a claim and the values that it may have")
		}
	}
}

func (s *Settings) validateMaps(m *mistakes) {
	for i, rule := range s.Roles {
		at := fmt.Sprintf("roles[%d]", i)
		if rule.Value == "" {
			m.add(at+".value", "is required")
		}
		s.validateAdmin(m, at+".role", rule.Role)
	}
	s.validateAdmin(m, "default_role", s.DefaultRole)
	for i, rule := range s.GroupMapping {
		if rule.Value == "" || rule.To == "" {
			m.add(fmt.Sprintf("group_mapping[%d]", i), "must have a value and the group that it leads to")
		}
	}
}

func (s *Settings) validateAdmin(m *mistakes, field, role string) {
	if _, err := domain.ParseRoleID(field, role); err != nil {
		m.add(field, "must be 1 to 64 lower-case letters, digits, - or _")
	}
	if slices.Contains(administrativeRoles, domain.RoleID(role)) && !s.AllowAdmin {
		m.add(field, "%s is administrative: switch allow_admin on to let the provider give it", role)
	}
}

func (s *Settings) validateTimes(m *mistakes) {
	within := func(field string, value, low, high time.Duration) {
		if value < low || value > high {
			m.add(field, "must be between %s and %s", low, high)
		}
	}
	within("timeout", s.Timeout, 100*time.Millisecond, 30*time.Second)
	within("breaker_reset", s.BreakerReset, 10*time.Millisecond, 10*time.Minute)
	within("keys_refresh", s.KeysRefresh, time.Minute, 24*time.Hour)
	within("discovery_refresh", s.DiscoveryRefresh, time.Minute, 24*time.Hour)
	within("clock_skew", s.ClockSkew, time.Second, 5*time.Minute)
	if s.MaxAge < 0 || s.MaxAge%time.Second != 0 {
		m.add("max_age", "must be a whole number of seconds")
	}
}

// checkURL accepts https, and plain http to this machine if that is allowed.
func checkURL(text string, httpLoopback bool) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return errors.New("must be an absolute URL")
	case u.User != nil || u.Fragment != "":
		return errors.New("must have no user name and no fragment")
	case u.Scheme == "https":
		return nil
	case u.Scheme == "http" && httpLoopback && domain.IsLoopbackHost(u.Hostname()):
		return nil
	case u.Scheme == "http" && domain.IsLoopbackHost(u.Hostname()):
		return errors.New("must be https (plain http to this machine needs allow_http_loopback)")
	}
	return errors.New("must be https")
}

// tenantTemplate returns the issuer that the tokens of a multi-tenant Entra issuer have, with {tenantid} for the
// tenant.
func tenantTemplate(issuer string) (string, bool) {
	for _, all := range []string{"/common/v2.0", "/organizations/v2.0"} {
		if base, ok := strings.CutSuffix(issuer, all); ok {
			return base + "/{tenantid}/v2.0", true
		}
	}
	return issuer, false
}
