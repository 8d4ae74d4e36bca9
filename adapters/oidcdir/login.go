package oidcdir

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

const (
	// flowLife is how long a sign-in at the provider may take.
	flowLife    = 10 * time.Minute
	nonceBytes  = 32
	longestCode = 8 << 10
	// longestKeptToken limits the token that each session stores for its logout; a longer hint does not fit into a
	// URL anyway.
	longestKeptToken = 4 << 10
)

// Start implements ports.RedirectLogin.
func (d *Directory) Start(ctx context.Context, req ports.RedirectRequest) (domain.RedirectStart, error) {
	var start domain.RedirectStart
	err := d.within(ctx, func(ctx context.Context) error {
		m, err := d.provider(ctx)
		if err != nil {
			return err
		}
		start.Flow = domain.RedirectFlow{
			Directory: d.id,
			State:     req.State,
			Nonce:     randomText(),
			Verifier:  oauth2.GenerateVerifier(),
			Callback:  req.Callback,
			Fresh:     req.Fresh,
			StartedAt: d.now(),
		}
		start.URL = d.oauthConfig(m, req.Callback).AuthCodeURL(req.State, d.authorizeOptions(start.Flow, req.LoginHint)...)
		return nil
	})
	return start, err
}

func (d *Directory) authorizeOptions(flow domain.RedirectFlow, hint string) []oauth2.AuthCodeOption {
	options := []oauth2.AuthCodeOption{oidc.Nonce(flow.Nonce), oauth2.S256ChallengeOption(flow.Verifier)}
	set := func(name, value string) {
		if value != "" {
			options = append(options, oauth2.SetAuthURLParam(name, value))
		}
	}
	for name, value := range d.settings.AuthorizeParams {
		set(name, value)
	}
	if d.settings.OfflineAccess && d.isGoogle() {
		// Google uses its own parameter instead of the offline_access scope.
		set("access_type", "offline")
	}
	set("prompt", d.prompt(flow.Fresh))
	set("acr_values", strings.Join(d.settings.SecondFactor.RequestACR, " "))
	if age, asked := d.maxAge(flow); asked {
		set("max_age", strconv.Itoa(int(age/time.Second)))
	}
	if domain.Limits.LoginHint.Allows(len(hint)) && shorten(hint) == hint {
		set("login_hint", hint)
	}
	return options
}

// maxAge returns the maximum age of the login at the provider. Zero requires a new sign-in, and requires the provider
// to return its time (OpenID Connect Core section 3.1.2.1).
func (d *Directory) maxAge(flow domain.RedirectFlow) (age time.Duration, asked bool) {
	if flow.Fresh {
		return 0, true
	}
	return d.settings.MaxAge, d.settings.MaxAge > 0
}

// prompt requests consent if a refresh token is needed, since OpenID Connect Core section 11 requires it. Entra
// issues one without, and consent would need an administrator there.
func (d *Directory) prompt(fresh bool) string {
	if fresh {
		return "login"
	}
	switch d.settings.Prompt {
	case promptOmit:
		return ""
	case promptAuto:
		if d.settings.OfflineAccess && !d.isEntra() {
			return promptConsent
		}
		return ""
	}
	return d.settings.Prompt
}

// Finish implements ports.RedirectLogin.
func (d *Directory) Finish(
	ctx context.Context, flow domain.RedirectFlow, callback domain.RedirectCallback,
) (domain.RedirectResult, error) {
	var result domain.RedirectResult
	err := d.within(ctx, func(ctx context.Context) error {
		if err := d.checkFlow(flow, callback); err != nil {
			return err
		}
		m, err := d.provider(ctx)
		if err != nil {
			return err
		}
		if err := d.checkCallback(m, callback); err != nil {
			return err
		}
		result, err = d.redeem(ctx, m, flow, callback.Code)
		return err
	})
	return result, err
}

// checkFlow checks the callback against the flow before any request is sent.
func (d *Directory) checkFlow(flow domain.RedirectFlow, callback domain.RedirectCallback) error {
	age := d.now().Sub(flow.StartedAt)
	switch {
	case flow.Directory != d.id:
		return refuse("the sign-in was started with another provider")
	case flow.State == "" || flow.Nonce == "" || flow.Verifier == "":
		return refuse("the sign-in has no state, nonce or PKCE verifier")
	case subtle.ConstantTimeCompare([]byte(flow.State), []byte(callback.State)) != 1:
		return refuse("the callback's state is not the one of the sign-in")
	case age > flowLife || age < -flowLife:
		return refuse("the sign-in took longer than %s", flowLife)
	}
	return nil
}

// checkCallback checks the issuer of the response (RFC 9207) and that it contains a code.
func (d *Directory) checkCallback(m *metadata, callback domain.RedirectCallback) error {
	switch {
	case callback.Issuer == "" && m.SendsIssuer:
		return refuse("the callback lacks iss, which this provider sends (RFC 9207)")
	case callback.Issuer != "" && !d.isOwnIssuer(callback.Issuer):
		return refuse("the callback's iss %q is another provider's", callback.Issuer)
	case callback.Error == "server_error" || callback.Error == "temporarily_unavailable":
		return domain.ErrDirectoryUnavailable.Because(&browserError{
			reason: shorten("the provider's answer: " + callback.Error + " " + callback.ErrorDescription),
		})
	case callback.Error != "":
		return domain.ErrRedirectLogin.Because(&browserError{
			reason: shorten(fmt.Sprintf("the provider answered %q %q", callback.Error, callback.ErrorDescription)),
		})
	case callback.Code == "" || len(callback.Code) > longestCode:
		return refuse("the callback has no code, or one that is too long")
	}
	return nil
}

func (d *Directory) isOwnIssuer(issuer string) bool {
	if !d.settings.Entra.MultiTenant {
		return issuer == d.issuer
	}
	return slices.ContainsFunc(d.settings.Entra.Tenants, func(tenant string) bool {
		own, ok := d.issuerOf(tenant)
		return ok && own == issuer
	})
}

// redeem exchanges the code and returns who signed in.
func (d *Directory) redeem(ctx context.Context, m *metadata, flow domain.RedirectFlow,
	code string,
) (domain.RedirectResult, error) {
	var none domain.RedirectResult
	answer, err := d.oauthConfig(m, flow.Callback).Exchange(d.clientContext(ctx), code,
		oauth2.VerifierOption(flow.Verifier))
	if err != nil {
		return none, tokenFailure(err)
	}
	if !strings.EqualFold(answer.TokenType, "Bearer") {
		return none, refuse("the token answer is of type %q, not Bearer", answer.TokenType)
	}
	raw, _ := answer.Extra("id_token").(string)
	if raw == "" {
		return none, refuse("the token answer holds no ID token")
	}
	want := idTokenWants{nonce: flow.Nonce, accessToken: answer.AccessToken, notBefore: flow.StartedAt}
	if age, asked := d.maxAge(flow); asked {
		want.signedInAfter = flow.StartedAt.Add(-age)
	}
	token, err := d.checkIDToken(ctx, m, raw, want)
	if err != nil {
		return none, err
	}
	claims, err := d.withUserInfo(ctx, m, token, answer.AccessToken)
	if err != nil {
		return none, err
	}
	identity, err := d.identity(token, claims)
	if err != nil {
		return none, err
	}
	result := domain.RedirectResult{Identity: identity, ProviderSession: token.session, AuthTime: token.authTime}
	if len(raw) <= longestKeptToken {
		result.IDToken = raw
	}
	if answer.RefreshToken != "" && d.settings.OfflineAccess {
		result.Grant = sealGrant(grant{Token: answer.RefreshToken, Issuer: token.issuer, Subject: token.subject})
	}
	return result, nil
}

func (d *Directory) clientContext(ctx context.Context) context.Context {
	return oidc.ClientContext(ctx, d.client)
}

// tokenFailure distinguishes an unavailable provider, one that refuses our configuration, and a refused code.
func tokenFailure(err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) {
		return outage("the token request", err)
	}
	status := answer.Response.StatusCode
	said := answer.ErrorCode + " " + answer.ErrorDescription
	switch {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests, answer.ErrorCode == "",
		answer.ErrorCode == "server_error", answer.ErrorCode == "temporarily_unavailable":
		// Neither the body nor the library's error text is logged: both may contain what was sent.
		return outage("the token request", errors.New("status "+strconv.Itoa(status)+" "+said))
	case answer.ErrorCode == "invalid_client", answer.ErrorCode == "unauthorized_client":
		return misconfigured("the provider refused our client id or secret: " + said)
	}
	return refuse("the provider refused the code: %s", said)
}

func randomText() string {
	b := make([]byte, nonceBytes)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b)
}
