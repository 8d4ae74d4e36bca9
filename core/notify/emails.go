package notify

import (
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

// Activation sends a new user the link to choose their password. until is the expiry of the token.
func (c *EmailBuilder) Activation(user domain.User, token string, until time.Time) ([]domain.Message, error) {
	return c.mail(user, until, "Activate your account",
		"An account has been made for you at "+c.who.Host+". Your user name is:",
		"    "+plain(user.Username),
		"Open this link to choose a password. That also confirms that this address is yours:",
		c.who.Link(domain.TokenActivation, token),
		"The link works once, until "+moment(until)+".",
		"If you did not expect an account, ignore this mail: nothing becomes active without the link.",
	)
}

// PasswordReset sends the link to replace a forgotten password. until is the expiry of the token.
func (c *EmailBuilder) PasswordReset(user domain.User, token string, until time.Time) ([]domain.Message, error) {
	return c.mail(user, until, "Reset your password",
		"Somebody, hopefully you, asked to reset the password of your account at "+c.who.Host+
			". Open this link to choose a new one:",
		c.who.Link(domain.TokenReset, token),
		"The link works once, until "+moment(until)+".",
		"If you did not ask for it, ignore this mail: your password stays as it is.",
	)
}

// Decoy builds the email of PasswordReset to an address that no user has, so that refusing a request costs the same. It
// is due when it expires, after decoyFor, and so is never sent.
func (c *EmailBuilder) Decoy(token string, until time.Time) (domain.Message, error) {
	messages, err := c.PasswordReset(domain.User{Email: "decoy@" + c.who.Host}, token, until)
	if err != nil {
		return domain.Message{}, err
	}
	decoy := messages[0]
	decoy.ExpiresAt = decoy.CreatedAt.Add(decoyFor)
	decoy.NextTry = decoy.ExpiresAt
	return decoy, nil
}

// PasswordChanged notifies the user that their password was changed: by themselves, by a reset link (an anonymous
// principal), or by another principal.
func (c *EmailBuilder) PasswordChanged(user domain.User, by domain.Principal) ([]domain.Message, error) {
	return c.notice(user, "Your password has been changed",
		"The password of your account at "+c.who.Host+" has been changed"+c.circumstances(&user, &by)+".",
		"Where you were signed in with the old password, you have been signed out.",
		notYou,
	)
}

// EmailConfirm sends the link that confirms a changed email address, to that address (the user's current one).
func (c *EmailBuilder) EmailConfirm(user domain.User, token string, until time.Time) ([]domain.Message, error) {
	return c.mail(user, until, "Confirm your e-mail address",
		"This address has been entered for an account at "+c.who.Host+". Open this link to confirm that it is yours:",
		c.who.Link(domain.TokenEmail, token),
		"The link works once, until "+moment(until)+".",
		"If it was not you, ignore this mail.",
	)
}

// EmailChanged notifies the previous address, that of user, that it no longer belongs to the account.
func (c *EmailBuilder) EmailChanged(user domain.User, by domain.Principal) ([]domain.Message, error) {
	return c.notice(user, "Your e-mail address has been changed",
		"The e-mail address of your account at "+c.who.Host+" has been changed"+c.circumstances(&user, &by)+
			". This is the last mail to this address.",
		notYou,
	)
}

// KeyCreated notifies the user of a new API key with their permissions.
func (c *EmailBuilder) KeyCreated(user domain.User, name string, by domain.Principal) ([]domain.Message, error) {
	return c.notice(user, "A new API key for your account",
		"An API key has been made that acts for your account at "+c.who.Host+c.circumstances(&user, &by)+
			". Its name is:",
		"    "+plain(name),
		notYou,
	)
}

// TwoFactorEnabled notifies the user that sign-in now requires a second factor.
func (c *EmailBuilder) TwoFactorEnabled(user domain.User, by domain.Principal) ([]domain.Message, error) {
	return c.notice(user, "Two-factor authentication is on",
		"Two-factor authentication has been switched on for your account at "+c.who.Host+c.circumstances(&user, &by)+
			".",
		notYou,
	)
}

// TwoFactorDisabled notifies the user that sign-in no longer requires a second factor.
func (c *EmailBuilder) TwoFactorDisabled(user domain.User, by domain.Principal) ([]domain.Message, error) {
	return c.notice(user, "Two-factor authentication is off",
		"Two-factor authentication has been switched off for your account at "+c.who.Host+c.circumstances(&user, &by)+
			". Your password alone now signs you in.",
		notYou,
	)
}

// RefreshReuse notifies the user that a session was ended because a used refresh token was presented again.
func (c *EmailBuilder) RefreshReuse(user domain.User, from domain.Origin) ([]domain.Message, error) {
	return c.notice(user, "One of your sessions has been ended",
		"A sign-in token of your account at "+c.who.Host+" was used twice"+c.place(from)+
			". Another person may have copied it, so the session has been ended.",
		"Sign in again where you need it. If you do not know the address, change your password.",
	)
}

// PartialLogin notifies the user of a sign-in that passed the first factor and failed at the second until it was
// locked.
func (c *EmailBuilder) PartialLogin(user domain.User, from domain.Origin) ([]domain.Message, error) {
	return c.notice(user, "A sign-in to your account was stopped",
		"Somebody got past the first step of signing in to your account at "+c.who.Host+c.place(from)+
			", with your password or through your provider, and then gave several wrong codes. Codes are refused for a while "+
			"now.",
		"If it was not you, another person knows your password: change it.",
	)
}

// SignInAfterFailures notifies the user of a sign-in after several failed ones.
func (c *EmailBuilder) SignInAfterFailures(user domain.User, from domain.Origin) ([]domain.Message, error) {
	return c.notice(user, "A sign-in after several failed attempts",
		"Somebody signed in to your account at "+c.who.Host+c.place(from)+
			" after several attempts with a wrong password.",
		"If it was you, there is nothing to do. If not, change your password: that also ends all sessions.",
	)
}

// SMSCode sends a one-time code to a phone. until is the expiry of the code. The code comes first, so that the lock
// screen shows it, and the last line restricts browser autofill to our host.
func (c *EmailBuilder) SMSCode(user domain.User, number, code string, until time.Time) ([]domain.Message, error) {
	if number == "" {
		return nil, nil
	}
	return c.message(domain.ChannelSMS, user.ID, until, domain.EmailMessage{
		To: number, Text: code + " is your " + product + " code. Do not share it.\n\n@" + c.who.Host + " #" + code,
	})
}

const notYou = "If it was not you, contact the administrator of the service immediately."

// circumstances returns who did it, from where and when, as the end of a sentence.
func (c *EmailBuilder) circumstances(user *domain.User, by *domain.Principal) string {
	when := " on " + moment(c.clock.Now())
	switch {
	case by.Kind == "" || by.Kind == domain.PrincipalAnonymous || by.BelongsTo(user.ID):
		return c.place(by.Origin) + when
	case by.Kind == domain.PrincipalSystem:
		return " by the service itself" + when
	default:
		return " by an administrator" + when // not by name: the email may reach another person
	}
}

func (c *EmailBuilder) place(from domain.Origin) string {
	if ip := from.IP(); ip != "" {
		return " from the address " + ip
	}
	return ""
}
