package oidcdir

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"mime"
	"net/http"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
)

// withUserInfo returns the ID token's claims, merged with those of the userinfo endpoint if the settings require it
// or a mapped claim is missing. The ID token takes precedence.
func (d *Directory) withUserInfo(ctx context.Context, m *metadata, token *idToken, accessToken string) (claims, error) {
	switch {
	case d.settings.UserInfo == userInfoNever, m.UserInfoURL == "":
		return token.claims, nil
	case d.settings.UserInfo == userInfoAuto && d.isComplete(token.claims):
		return token.claims, nil
	}
	answer, err := get(ctx, d.client, m.UserInfoURL, "application/json", accessToken)
	if err != nil {
		return nil, outage("the user information", err)
	}
	switch status := answer.status; {
	case status >= http.StatusInternalServerError, status == http.StatusTooManyRequests:
		return nil, outage("the user information", fmt.Errorf("status %d", status))
	case status != http.StatusOK:
		return nil, refuse("the userinfo endpoint answered %d", status)
	}
	if kind, _, _ := mime.ParseMediaType(answer.header.Get("Content-Type")); kind != "application/json" {
		return nil, refuse("the user information is of type %q; set the client to plain JSON", kind)
	}
	var info claims
	if err := json.Unmarshal(answer.body, &info); err != nil {
		return nil, refuse("the user information is not plain JSON: %v", err)
	}
	// Core section 5.3.2: without this check a stolen or swapped access token would identify another user.
	if info.text("sub") != token.subject {
		return nil, refuse("the user information is about another subject than the ID token")
	}
	names := d.settings.Claims
	if token.claims.has(names.Email) && info.string(names.Email) != token.claims.string(names.Email) {
		delete(info, names.EmailVerified) // it is about another address
	}
	maps.Copy(info, token.claims)
	return info, nil
}

// isComplete reports whether no mapped claim is missing.
func (d *Directory) isComplete(c claims) bool {
	names := d.settings.Claims
	wanted := []string{names.Email, names.FullName}
	if !slices.Contains(d.settings.unmapped(c), "phone_number") {
		wanted = append(wanted, names.PhoneNumber) // its absence removes the user's number
	}
	if names.Username != "" {
		wanted = append(wanted, names.Username)
	}
	if len(d.settings.GroupMapping) > 0 {
		wanted = append(wanted, names.Groups)
	}
	if len(d.settings.Roles) > 0 {
		wanted = append(wanted, names.Roles)
	}
	for _, want := range d.settings.RequiredClaims {
		wanted = append(wanted, want.Claim)
	}
	return !slices.ContainsFunc(wanted, func(name string) bool { return !c.has(name) })
}

// identity maps the claims. The subject is issuer and sub, which is never reassigned to another person.
func (d *Directory) identity(token *idToken, c claims) (domain.Identity, error) {
	if err := cmp.Or(d.checkRequired(c), d.checkWhole(c), d.checkReadable(c)); err != nil {
		return domain.Identity{}, err
	}
	names := d.settings.Claims
	identity := domain.Identity{
		Directory:          d.id,
		Subject:            subjectOf(token.issuer, token.subject),
		Username:           d.username(token, c),
		Email:              c.string(names.Email),
		Person:             domain.NewPerson(func(name string) string { return c.string(names.person()[name]) }),
		Groups:             d.listed(c, names.Groups),
		Methods:            token.claims.values("amr"),
		Unmapped:           d.settings.unmapped(c),
		MapsAdministrators: d.settings.AllowAdmin,
	}
	identity.EmailVerified = identity.Email != "" && c.isTrue(names.EmailVerified)
	identity.SecondFactor = d.hasSecondFactor(token.claims)
	d.mapRights(&identity, c)
	return identity, nil
}

// subjectOf joins issuer and sub. An issuer has no fragment, so "#" separates them unambiguously.
func subjectOf(issuer, subject string) domain.Subject {
	return domain.Subject(issuer + "#" + subject)
}

// username returns the name of a new user. An address is used only if the provider has verified it: otherwise any
// user of the provider could take the name of the address's owner. Without another name it is the provider's own id
// of the person, unless that is an address.
func (d *Directory) username(token *idToken, c claims) string {
	names := d.settings.Claims
	address := ""
	if c.isTrue(names.EmailVerified) {
		address = c.string(names.Email)
	}
	switch {
	case names.Username != "" && names.Username != names.Email:
		return c.string(names.Username)
	case names.Username != "" && address != "":
		return address
	case names.Username == "":
		if name := cmp.Or(c.string("preferred_username"), address); name != "" {
			return name
		}
	}
	if strings.Contains(token.subject, "@") {
		return ""
	}
	return token.subject
}

func (d *Directory) checkRequired(c claims) error {
	for _, want := range d.settings.RequiredClaims {
		if !overlap(d.listed(c, want.Claim), want.Values) {
			return refuse("the claim %s has none of the required values", want.Claim)
		}
	}
	return nil
}

// checkWhole refuses a token whose groups are only referenced (Entra does this above 200): treating them as none
// would silently change a person's permissions.
func (d *Directory) checkWhole(c claims) error {
	elsewhere, _ := c["_claim_names"].(map[string]any)
	for _, name := range d.mappedClaims() {
		if _, ok := elsewhere[name]; ok && !c.has(name) {
			return refuse("the provider left out the claim %s, since the person has too many values of it", name)
		}
	}
	return nil
}

// checkReadable refuses groups and roles in a form that cannot be read, for the same reason. Claims without a map
// grant nothing, so that their form does not matter.
func (d *Directory) checkReadable(c claims) error {
	for _, name := range d.mappedClaims() {
		if _, err := c.list(name, d.settings.Claims.Separator); err != nil {
			return refuse("the claim %s cannot be read: %v", name, err)
		}
	}
	return nil
}

// mappedClaims returns the claims that a map reads.
func (d *Directory) mappedClaims() []string {
	var names []string
	if len(d.settings.GroupMapping) > 0 {
		names = append(names, d.settings.Claims.Groups)
	}
	if len(d.settings.Roles) > 0 {
		names = append(names, d.settings.Claims.Roles)
	}
	return names
}

// listed returns what can be read of a claim. Only the groups and the roles are divided at the separator.
func (d *Directory) listed(c claims, name string) []string {
	separator := ""
	if name == d.settings.Claims.Groups || name == d.settings.Claims.Roles {
		separator = d.settings.Claims.Separator
	}
	values, _ := c.list(name, separator) // of the mapped claims, checkReadable has refused the rest
	return values
}

// mapRights applies the explicit maps. Claims without a map grant nothing.
func (d *Directory) mapRights(identity *domain.Identity, c claims) {
	roles := d.listed(c, d.settings.Claims.Roles)
	if len(d.settings.Roles) > 0 {
		// A person who no longer has the value loses the role.
		identity.Role = domain.RoleID(d.settings.DefaultRole)
	}
	for _, rule := range d.settings.Roles {
		if slices.Contains(roles, rule.Value) {
			identity.Role = domain.RoleID(rule.Role)
			break
		}
	}
	if len(d.settings.GroupMapping) > 0 {
		identity.MappedGroups = []string{} // empty differs from not mapped
	}
	for _, rule := range d.settings.GroupMapping {
		if slices.Contains(identity.Groups, rule.Value) && !slices.Contains(identity.MappedGroups, rule.To) {
			identity.MappedGroups = append(identity.MappedGroups, rule.To)
		}
	}
}

// hasSecondFactor checks only the ID token: amr and acr describe this sign-in, user information does not. Entra ID
// writes the satisfied authentication contexts into acrs.
func (d *Directory) hasSecondFactor(c claims) bool {
	classes := c.values("acrs")
	if class := c.text("acr"); class != "" {
		classes = append(classes, class)
	}
	return overlap(c.values("amr"), d.settings.SecondFactor.AMR) || overlap(classes, d.settings.SecondFactor.ACR)
}
