package oidcdir

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4"
	"golang.org/x/oauth2"
)

// metadata is the provider's metadata (OpenID Connect Discovery 1.0 section 3).
type metadata struct {
	Issuer                string   `json:"issuer"`
	AuthURL               string   `json:"authorization_endpoint"`
	TokenURL              string   `json:"token_endpoint"`
	KeysURL               string   `json:"jwks_uri"`
	UserInfoURL           string   `json:"userinfo_endpoint"`
	EndSessionURL         string   `json:"end_session_endpoint"`
	Algorithms            []string `json:"id_token_signing_alg_values_supported"`
	ClientAuthMethods     []string `json:"token_endpoint_auth_methods_supported"`
	ChallengeMethods      []string `json:"code_challenge_methods_supported"`
	Scopes                []string `json:"scopes_supported"`
	ResponseTypes         []string `json:"response_types_supported"`
	SendsIssuer           bool     `json:"authorization_response_iss_parameter_supported"` // RFC 9207
	BackChannelLogout     bool     `json:"backchannel_logout_supported"`
	BackChannelLogoutSID  bool     `json:"backchannel_logout_session_supported"`
	PushedRequestRequired bool     `json:"require_pushed_authorization_requests"`

	keys *keyRing
}

// discovery caches the metadata, and the keys while their URL stays the same.
type discovery struct {
	metadata *cached[*metadata]

	mu   sync.Mutex
	keys *keyRing
}

func (d *Directory) newDiscovery() *discovery {
	disc := &discovery{}
	disc.metadata = &cached[*metadata]{now: d.now, soft: d.settings.DiscoveryRefresh, timeout: d.settings.Timeout}
	disc.metadata.fetch = func(ctx context.Context) (*metadata, error) {
		m, err := d.fetchMetadata(ctx)
		if err != nil {
			return nil, err
		}
		m.keys = d.ringFor(disc, m.KeysURL)
		return m, nil
	}
	return disc
}

func (d *Directory) provider(ctx context.Context) (*metadata, error) {
	m, err := d.discovery.metadata.get(ctx)
	if err != nil {
		return nil, outage("discovery", err)
	}
	return m, nil
}

// ringFor keeps the key ring when discovery is refreshed, since it limits the rate of fetches.
func (d *Directory) ringFor(disc *discovery, address string) *keyRing {
	disc.mu.Lock()
	defer disc.mu.Unlock()
	if disc.keys != nil && disc.keys.url == address {
		return disc.keys
	}
	ring := &keyRing{url: address}
	for _, algorithm := range d.settings.Algorithms {
		ring.algorithms = append(ring.algorithms, jose.SignatureAlgorithm(algorithm))
	}
	ring.keys = &cached[[]publicKey]{
		now: d.now, soft: d.settings.KeysRefresh, timeout: d.settings.Timeout,
		fetch: func(ctx context.Context) ([]publicKey, error) { return fetchKeys(ctx, d.client, address) },
	}
	disc.keys = ring
	return ring
}

func (d *Directory) fetchMetadata(ctx context.Context) (*metadata, error) {
	ctx = oidc.ClientContext(ctx, d.client)
	if d.settings.Entra.MultiTenant {
		// The document for all tenants contains a template instead of an issuer. It is compared below, and in each
		// token.
		ctx = oidc.InsecureIssuerURLContext(ctx, d.issuer)
	}
	provider, err := oidc.NewProvider(ctx, d.settings.Issuer)
	if err != nil {
		return nil, fmt.Errorf("reading the metadata: %w", err)
	}
	var m metadata
	if err := provider.Claims(&m); err != nil {
		return nil, fmt.Errorf("reading the metadata: %w", err)
	}
	if m.Issuer != d.issuer {
		return nil, &oidc.IssuerMismatchError{Provided: d.issuer, Discovered: m.Issuer}
	}
	return &m, d.checkMetadata(&m)
}

// checkMetadata refuses metadata with which a sign-in would fail or be unsafe.
func (d *Directory) checkMetadata(m *metadata) error {
	endpoints := []struct {
		name, url string
		required  bool
	}{
		{"authorization_endpoint", m.AuthURL, true},
		{"token_endpoint", m.TokenURL, true},
		{"jwks_uri", m.KeysURL, true},
		{"userinfo_endpoint", m.UserInfoURL, false},
		{"end_session_endpoint", m.EndSessionURL, false},
	}
	for _, e := range endpoints {
		if e.url == "" && !e.required {
			continue
		}
		if err := checkURL(e.url, d.settings.AllowHTTPLoopback); err != nil {
			return fmt.Errorf("the metadata's %s %w", e.name, err)
		}
	}
	if len(m.ResponseTypes) > 0 && !slices.Contains(m.ResponseTypes, "code") {
		return errors.New("the provider does not offer the authorization code flow")
	}
	if len(m.ChallengeMethods) > 0 && !slices.Contains(m.ChallengeMethods, "S256") {
		return errors.New("the provider does not offer PKCE with S256")
	}
	if m.PushedRequestRequired {
		return errors.New("the provider demands pushed authorization requests (RFC 9126); switch that off for this client")
	}
	return nil
}

// oauthConfig returns the OAuth 2 configuration of the provider for a callback URL.
func (d *Directory) oauthConfig(m *metadata, callback string) *oauth2.Config {
	return &oauth2.Config{
		ClientID:     d.settings.ClientID,
		ClientSecret: d.secret,
		RedirectURL:  callback,
		Scopes:       d.scopes(),
		Endpoint:     oauth2.Endpoint{AuthURL: m.AuthURL, TokenURL: m.TokenURL, AuthStyle: d.authStyle(m)},
	}
}

// authStyle is never determined by trial: a failed attempt would consume the code.
func (d *Directory) authStyle(m *metadata) oauth2.AuthStyle {
	switch {
	case d.settings.ClientAuth == authBasic:
		return oauth2.AuthStyleInHeader
	case d.settings.ClientAuth == authPost, d.secret == "":
		return oauth2.AuthStyleInParams
	case slices.Contains(m.ClientAuthMethods, "client_secret_post") &&
		!slices.Contains(m.ClientAuthMethods, "client_secret_basic"):
		return oauth2.AuthStyleInParams
	}
	return oauth2.AuthStyleInHeader
}

func (d *Directory) scopes() []string {
	scopes := slices.Clone(d.settings.Scopes)
	if d.settings.OfflineAccess && !d.isGoogle() && !slices.Contains(scopes, "offline_access") {
		scopes = append(scopes, "offline_access")
	}
	return scopes
}

func (d *Directory) isGoogle() bool { return d.settings.Issuer == googleIssuer }

func (d *Directory) isEntra() bool {
	return strings.HasPrefix(d.settings.Issuer, "https://login.microsoftonline.")
}

// issuerOf returns the issuer of the given tenant's tokens, or false if the tenant may not sign in.
func (d *Directory) issuerOf(tenant string) (string, bool) {
	if !d.settings.Entra.MultiTenant {
		return d.issuer, true
	}
	return strings.ReplaceAll(d.issuer, "{tenantid}", tenant), slices.Contains(d.settings.Entra.Tenants, tenant)
}
