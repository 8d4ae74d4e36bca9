package oidcdir

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ostiary/ostiary/core/domain"
)

// clockWarning is the clock difference that a check reports.
const clockWarning = 30 * time.Second

// Check implements ports.Checker. It queries the provider without the caches and the breaker. The sample is not used:
// a provider returns claims only at sign-in.
func (d *Directory) Check(ctx context.Context, _ string) []domain.CheckStep {
	ctx, cancel := context.WithTimeout(ctx, 4*d.settings.Timeout)
	defer cancel()
	m, err := d.fetchMetadata(ctx)
	steps := []domain.CheckStep{d.discoveryStep(m, err)}
	if err != nil {
		return append(steps, d.registerSteps()...)
	}
	keys, err := fetchKeys(ctx, d.client, m.KeysURL)
	steps = append(steps, keysStep(keys, err), d.algorithmStep(m, keys), d.clockStep(ctx), d.clientStep(ctx, m))
	steps = append(steps, d.scopeStep(m), d.logoutStep(m))
	return append(steps, d.registerSteps()...)
}

func (d *Directory) discoveryStep(m *metadata, err error) domain.CheckStep {
	step := domain.CheckStep{Name: "discovery", OK: err == nil}
	if err == nil {
		step.Detail = "issuer " + m.Issuer
		return step
	}
	step.Detail = shorten(err.Error())
	var mismatch *oidc.IssuerMismatchError
	switch {
	case errors.As(err, &mismatch):
		step.Advice = fmt.Sprintf(
			"set issuer to %q if that is the provider you mean; it must match to the character, a slash at the end included",
			mismatch.Discovered)
	case errors.Is(err, errRedirect):
		step.Advice = "the address redirects; set issuer to where it leads, as the provider writes it"
	case strings.Contains(err.Error(), "is private"):
		step.Advice = "if the provider is in your own network, set allow_private_addresses: true"
	case strings.Contains(err.Error(), "x509") || strings.Contains(err.Error(), "certificate"):
		step.Advice = "the certificate is not trusted; name your own authority with ca_file"
	case strings.Contains(err.Error(), "404"):
		step.Advice = "there is no provider under this issuer; with Keycloak it ends in /realms/<realm>, with Entra ID in " +
			"/<tenant id>/v2.0"
	default:
		step.Advice = "see that " + strings.TrimSuffix(d.settings.Issuer, "/") +
			"/.well-known/openid-configuration can be read from this machine"
	}
	return step
}

func keysStep(keys []publicKey, err error) domain.CheckStep {
	if err != nil {
		return domain.CheckStep{
			Name: "keys", Detail: shorten(err.Error()),
			Advice: "see that the jwks_uri of the metadata can be read from this machine and holds public signing keys (RSA " +
				"from 2048 bits, EC or Ed25519)",
		}
	}
	names := make([]string, 0, len(keys))
	for i := range keys {
		names = append(names, keyKind(&keys[i])+" "+keys[i].KeyID)
	}
	return domain.CheckStep{Name: "keys", OK: true, Detail: shorten(strings.Join(names, ", "))}
}

func keyKind(key *publicKey) string {
	switch public := key.Key.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA-%d", public.N.BitLen())
	case *ecdsa.PublicKey:
		return public.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return "key"
}

func (d *Directory) algorithmStep(m *metadata, keys []publicKey) domain.CheckStep {
	offered := m.Algorithms
	usable := func(algorithm string) bool {
		return (len(offered) == 0 || slices.Contains(offered, algorithm)) &&
			slices.ContainsFunc(keys, func(k publicKey) bool { return k.fits(algorithm) })
	}
	step := domain.CheckStep{Name: "algorithms", OK: slices.ContainsFunc(d.settings.Algorithms, usable)}
	step.Detail = fmt.Sprintf("allowed here: %s; offered: %s", strings.Join(d.settings.Algorithms, " "),
		shorten(strings.Join(offered, " ")))
	if !step.OK {
		step.Advice = "add one of the provider's asymmetric algorithms to algorithms, or change the client's ID token " +
			"signature there"
	}
	return step
}

// clockStep compares with the Date header, which is exact to the second.
func (d *Directory) clockStep(ctx context.Context) domain.CheckStep {
	step := domain.CheckStep{Name: "clock"}
	before := d.now()
	answer, err := get(ctx, d.client, strings.TrimSuffix(d.settings.Issuer, "/")+"/.well-known/openid-configuration",
		"application/json", "")
	if err != nil {
		step.Detail = shorten(err.Error())
		step.Advice = "the provider answered a moment ago and does not now; try again"
		return step
	}
	theirs, err := http.ParseTime(answer.header.Get("Date"))
	if err != nil {
		return domain.CheckStep{Name: "clock", OK: true, Detail: "the provider does not tell its time"}
	}
	after := d.now()
	difference := theirs.Sub(before.Add(after.Sub(before) / 2)).Round(time.Second)
	step.OK = difference.Abs() < clockWarning
	step.Detail = "the provider's clock differs by " + difference.String()
	if !step.OK {
		step.Advice = "set this machine's clock by NTP; tokens are refused beyond clock_skew (" +
			d.settings.ClockSkew.String() + ")"
	}
	return step
}

// clientStep sends an invalid code: the error shows whether the client's id and secret are correct.
func (d *Directory) clientStep(ctx context.Context, m *metadata) domain.CheckStep {
	step := domain.CheckStep{Name: "client"}
	callback := d.address(d.options.CallbackURL)
	_, err := d.oauthConfig(m, callback).Exchange(d.clientContext(ctx), "ostiary-directory-check",
		oauth2.VerifierOption(oauth2.GenerateVerifier()))
	var answer *oauth2.RetrieveError
	switch {
	case err == nil:
		step.Detail = "the provider gave a token for a code that it never issued"
		step.Advice = "do not use this provider"
	case !errors.As(err, &answer):
		step.Detail = shorten(err.Error())
		step.Advice = "see that the token_endpoint of the metadata can be reached from this machine"
	case answer.ErrorCode == "invalid_grant" || answer.ErrorCode == "invalid_request":
		step.OK = true
		step.Detail = "the provider knows the client"
	case answer.ErrorCode == "invalid_client" || answer.ErrorCode == "unauthorized_client":
		step.Detail = shorten(answer.ErrorCode + " " + answer.ErrorDescription)
		step.Advice = "compare client_id and client_secret with the client at the provider (an expired secret looks the " +
			"same), and client_auth with how it wants the secret"
	default:
		step.Detail = shorten(fmt.Sprintf("status %d %s %s", answer.Response.StatusCode, answer.ErrorCode,
			answer.ErrorDescription))
		step.Advice = "look into the provider's own log for this client"
	}
	return step
}

func (d *Directory) scopeStep(m *metadata) domain.CheckStep {
	step := domain.CheckStep{Name: "scopes", OK: true, Detail: strings.Join(d.scopes(), " ")}
	if len(m.Scopes) == 0 {
		return step
	}
	missing := slices.DeleteFunc(d.scopes(), func(scope string) bool { return slices.Contains(m.Scopes, scope) })
	if len(missing) > 0 {
		step.OK = false
		step.Detail = "not in the provider's list: " + strings.Join(missing, " ")
		step.Advice = "take them out of scopes, or add them to the client at the provider; some providers do not list all " +
			"they have"
	}
	return step
}

func (d *Directory) logoutStep(m *metadata) domain.CheckStep {
	yes := map[bool]string{true: "yes", false: "no"}
	step := domain.CheckStep{Name: "logout", OK: true}
	step.Detail = "ends the provider's session on logout: " + yes[m.EndSessionURL != ""] +
		"; notifies us when it ends a session: " + yes[m.BackChannelLogout]
	if !m.BackChannelLogout && !d.settings.OfflineAccess {
		step.Advice = "this provider does not say when it ends a session; offline_access: true lets Ostiary ask it regularly"
	}
	return step
}

func (d *Directory) registerSteps() []domain.CheckStep {
	var steps []domain.CheckStep
	if address := d.address(d.options.CallbackURL); address != "" {
		steps = append(steps, domain.CheckStep{
			Name: "redirect URI", OK: true, Detail: address,
			Advice: "register exactly this at the provider",
		})
	}
	if address := d.address(d.options.BackChannelURL); address != "" {
		steps = append(steps, domain.CheckStep{
			Name: "back-channel logout URI", OK: true, Detail: address,
			Advice: "register this where the provider has back-channel logout",
		})
	}
	return steps
}

func (d *Directory) address(of func(domain.DirectoryID) string) string {
	if of == nil {
		return ""
	}
	return of(d.id)
}

// MappingNames implements ports.Mapper.
func (d *Directory) MappingNames() domain.MappingNames {
	s := &d.settings
	names := domain.MappingNames{Administrators: s.AllowAdmin}
	for _, rule := range s.Roles {
		names.Roles = append(names.Roles, domain.RoleID(rule.Role))
	}
	if len(s.Roles) > 0 {
		names.Roles = append(names.Roles, domain.RoleID(s.DefaultRole))
	}
	for _, rule := range s.GroupMapping {
		names.Groups = append(names.Groups, rule.To)
	}
	return names
}
