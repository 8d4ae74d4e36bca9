package oidcdir

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"

	"github.com/ostiary/ostiary/core/domain"
)

const (
	// logoutTokenLife is the maximum age of a logout token: providers send it immediately and retry for a short time.
	logoutTokenLife = 5 * time.Minute
	logoutEvent     = "http://schemas.openid.net/event/backchannel-logout"
	longestTokenID  = 255
)

// grant is what Refresh needs of a sign-in: the refresh token and its subject. The core stores it sealed.
type grant struct {
	Token   string `json:"t"`
	Issuer  string `json:"i"`
	Subject string `json:"s"`
}

func sealGrant(g grant) string {
	data, _ := json.Marshal(g) // three texts
	return base64.RawURLEncoding.EncodeToString(data)
}

func openGrant(text string) (grant, error) {
	var g grant
	data, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || json.Unmarshal(data, &g) != nil || g.Token == "" {
		return grant{}, domain.ErrProviderSessionEnded.Because(errors.New("the stored grant is not one of ours"))
	}
	return g, nil
}

// Refresh implements ports.ProviderSessions. Only the error invalid_grant means that the provider has ended the
// session. A refused client or any other failure is an outage; otherwise a configuration error would sign out all
// users. An ID token that cannot be checked, for instance while the keys are unavailable, is such a failure too: the
// new grant is returned with it, since the provider has already replaced the old one.
func (d *Directory) Refresh(ctx context.Context, text string) (string, error) {
	g, err := openGrant(text)
	if err != nil {
		return "", err
	}
	next := ""
	err = d.within(ctx, func(ctx context.Context) error {
		m, err := d.provider(ctx)
		if err != nil {
			return err
		}
		source := d.oauthConfig(m, "").TokenSource(d.clientContext(ctx), &oauth2.Token{RefreshToken: g.Token})
		answer, err := source.Token()
		if err != nil {
			return refreshFailure(err)
		}
		next = sealGrant(grant{Token: answer.RefreshToken, Issuer: g.Issuer, Subject: g.Subject})
		return d.checkRefreshed(ctx, m, g, answer)
	})
	if errors.Is(err, domain.ErrProviderSessionEnded) {
		return "", err
	}
	return next, err
}

func refreshFailure(err error) error {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) && answer.ErrorCode == "invalid_grant" &&
		answer.Response.StatusCode < http.StatusInternalServerError {
		return domain.ErrProviderSessionEnded.Because(errors.New(shorten("the provider answered invalid_grant " +
			answer.ErrorDescription)))
	}
	if err = tokenFailure(err); errors.Is(err, domain.ErrRedirectLogin) {
		return misconfigured("the provider refused the refresh: " + errors.Unwrap(err).Error())
	}
	return err
}

// checkRefreshed compares an ID token of a refresh with that of the sign-in (Core section 12.2).
func (d *Directory) checkRefreshed(ctx context.Context, m *metadata, g grant, answer *oauth2.Token) error {
	raw, _ := answer.Extra("id_token").(string)
	if raw == "" {
		return nil
	}
	token, err := d.checkIDToken(ctx, m, raw, idTokenWants{accessToken: answer.AccessToken})
	switch {
	case errors.Is(err, domain.ErrDirectoryUnavailable):
		return err
	case err != nil:
		return misconfigured("the refreshed ID token was refused: " + errors.Unwrap(err).Error())
	case token.subject != g.Subject || token.issuer != g.Issuer:
		return domain.ErrProviderSessionEnded.Because(errors.New("the refreshed ID token is about another person"))
	}
	return nil
}

// LogoutURL implements ports.ProviderSessions (OpenID Connect RP-Initiated Logout 1.0).
func (d *Directory) LogoutURL(ctx context.Context, idToken, returnTo, state string) (string, error) {
	var address string
	err := d.within(ctx, func(ctx context.Context) error {
		m, err := d.provider(ctx)
		if err != nil || m.EndSessionURL == "" {
			return err
		}
		u, err := url.Parse(m.EndSessionURL)
		if err != nil {
			return outage("discovery", err)
		}
		query := u.Query()
		query.Set("client_id", d.settings.ClientID)
		if returnTo != "" {
			query.Set("post_logout_redirect_uri", returnTo)
			if state != "" {
				query.Set("state", state)
			}
		}
		if idToken != "" && len(idToken) <= longestKeptToken {
			query.Set("id_token_hint", idToken)
		}
		u.RawQuery = query.Encode()
		address = u.String()
		return nil
	})
	return address, err
}

// CheckLogoutToken implements ports.ProviderSessions. The caller detects replays by the TokenID.
func (d *Directory) CheckLogoutToken(ctx context.Context, raw string) (domain.ProviderLogout, error) {
	var logout domain.ProviderLogout
	err := d.within(ctx, func(ctx context.Context) error {
		if err := checkForm(raw, "", "JWT", "logout+jwt"); err != nil {
			return err
		}
		m, err := d.provider(ctx)
		if err != nil {
			return err
		}
		logout, err = d.checkLogout(ctx, m, raw)
		return err
	})
	if err != nil {
		return domain.ProviderLogout{}, refuseLogout(err)
	}
	return logout, nil
}

func (d *Directory) checkLogout(ctx context.Context, m *metadata, raw string) (domain.ProviderLogout, error) {
	var none domain.ProviderLogout
	keys := &observedKeys{ring: m.keys}
	verified, err := d.verifier(keys).VerifyLogout(ctx, raw)
	if err != nil {
		return none, keys.failure(err)
	}
	var c claims
	if err := verified.Claims(&c); err != nil {
		return none, refuse("the claims are not plain JSON: %v", err)
	}
	if err := cmp.Or(d.checkParties(c), d.checkLogoutClaims(c)); err != nil {
		return none, err
	}
	issued, _ := c.time("iat")
	logout := domain.ProviderLogout{
		Directory: d.id, ProviderSession: c.text("sid"), TokenID: c.text("jti"), IssuedAt: issued,
	}
	if subject := c.text("sub"); subject != "" {
		logout.Subject = subjectOf(c.text("iss"), subject)
	}
	return logout, nil
}

// checkLogoutClaims verifies the claims according to Back-Channel Logout 1.0 section 2.6 by exact names, and the age,
// which the library leaves to its callers.
func (d *Directory) checkLogoutClaims(c claims) error {
	now, skew := d.now(), d.settings.ClockSkew
	issued, ok := c.time("iat")
	events, _ := c["events"].(map[string]any)
	_, event := events[logoutEvent].(map[string]any)
	_, nonce := c["nonce"]
	switch {
	case !event:
		return refuse("the token is no logout event")
	case nonce:
		return refuse("a logout token must not have a nonce")
	case c.text("jti") == "" || len(c.text("jti")) > longestTokenID:
		return refuse("the token's jti is missing, no text, or longer than %d", longestTokenID)
	case c.text("sub") == "" && c.text("sid") == "":
		return refuse("the token names neither a subject nor a session")
	case len(c.text("sub")) > longestSubject || len(c.text("sid")) > longestSubject:
		return refuse("the token's subject or session is longer than %d", longestSubject)
	case !ok:
		return refuse("the token lacks iat")
	case issued.After(now.Add(skew)):
		return refuse("the token was issued in the future")
	case issued.Before(now.Add(-logoutTokenLife - skew)):
		return refuse("the token is older than %s", logoutTokenLife)
	}
	return nil
}
