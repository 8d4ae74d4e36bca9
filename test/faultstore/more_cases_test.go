package faultstore_test

import (
	"io"
	"regexp"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/apikey"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/test/kit"
)

// wanted returns nil when the error has the code that the use case is about.
func wanted(err error, code string) error {
	if err != nil && fault.Of(err).Code == code {
		return nil
	}
	return err
}

var tokenForm = regexp.MustCompile(`token=([^\s]+)`)

// tokenIn returns the token of the queued email.
func tokenIn(t *testing.T, w *world) string {
	t.Helper()
	for _, email := range w.SentEmails(t) {
		if found := tokenForm.FindStringSubmatch(email.Text); found != nil {
			return found[1]
		}
	}
	t.Fatal("no mail with a token waits")
	return ""
}

func enrolled(t *testing.T, w *world) {
	t.Helper()
	begin(t, w)
	must(t, w.Factor.Activate(t.Context(), w.user, w.user.UserID, codeOf(t, w)))
}

func begin(t *testing.T, w *world) {
	t.Helper()
	shown, err := w.Factor.Enroll(t.Context(), w.user, w.user.UserID, factor.EnrollInput{})
	must(t, err)
	w.values["secret"], w.values["backup"] = shown.Setup.Secret, shown.BackupCodes[0]
}

func codeOf(t *testing.T, w *world) string {
	t.Helper()
	code, err := totp.GenerateCode(w.values["secret"], w.Clock.Now())
	must(t, err)
	return code
}

func passwordCases() map[string]useCase {
	changed := func(t *testing.T, w *world) int {
		user, _ := w.stored(t, "john")
		return one(user.Password.Hash != w.values["hash"])
	}
	remember := func(t *testing.T, w *world) {
		user, _ := w.stored(t, "john")
		w.values["hash"] = user.Password.Hash
	}
	return map[string]useCase{
		"change a password": {
			prepare: remember,
			run: func(t *testing.T, w *world) error {
				// A retry finds the new password stored; the old one is reported as wrong.
				return w.Account.ChangePassword(t.Context(), w.user, w.user.UserID,
					account.PasswordChange{Current: password, Next: another})
			},
			action: domain.ActionPasswordChange, happened: changed,
		},
		"ask for a reset": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Account.RequestReset(t.Context(), kit.From("203.0.113.9"), "john@example.com")
				return err
			},
			happened: of("john", func(u domain.User) bool { return len(u.Tokens) == 1 }),
		},
		"reset a password": {
			prepare: func(t *testing.T, w *world) {
				remember(t, w)
				_, err := w.Account.RequestReset(t.Context(), kit.From("203.0.113.9"), "john@example.com")
				must(t, err)
				w.values["token"] = tokenIn(t, w)
			},
			run: func(t *testing.T, w *world) error {
				return w.Account.Reset(t.Context(), kit.From("203.0.113.9"), w.values["token"], another)
			},
			action: domain.ActionPasswordReset, happened: changed,
		},
		"unlock": {
			prepare: func(t *testing.T, w *world) {
				must(t, w.Store.AttemptStore().Update(t.Context(), "user:"+string(w.user.UserID), w.Clock.Now(),
					func(a *domain.Attempts, _ *domain.Outbox) error {
						a.LockedUntil = w.Clock.Now().Add(time.Hour)
						return nil
					}))
			},
			run: func(t *testing.T, w *world) error { return w.Account.Unlock(t.Context(), w.admin, w.user.UserID) },
			happened: func(t *testing.T, w *world) int {
				a, err := w.Store.AttemptStore().Get(t.Context(), "user:"+string(w.user.UserID))
				must(t, err)
				return one(a.LockedUntil.IsZero())
			},
		},
	}
}

func factorCases() map[string]useCase {
	return map[string]useCase{
		"enroll a factor": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Factor.Enroll(t.Context(), w.user, w.user.UserID, factor.EnrollInput{})
				return err
			},
			happened: of("john", func(u domain.User) bool { return u.Factor.Pending != nil }),
		},
		"activate a factor": {
			prepare: begin,
			run: func(t *testing.T, w *world) error {
				return w.Factor.Activate(t.Context(), w.user, w.user.UserID, codeOf(t, w))
			},
			action: domain.ActionTwoFactorEnable, happened: of("john", func(u domain.User) bool { return u.Factor.IsOn() }),
		},
		"disable a factor": {
			prepare: enrolled,
			run: func(t *testing.T, w *world) error {
				return w.Factor.Disable(t.Context(), w.user, w.user.UserID, factor.Proof{})
			},
			action: domain.ActionTwoFactorDisable, happened: of("john", func(u domain.User) bool { return !u.Factor.IsOn() }),
		},
		"use a backup code": {
			prepare: enrolled,
			run: func(t *testing.T, w *world) error {
				user, _ := w.stored(t, "john")
				_, err := w.Checker.Verify(t.Context(), w.user, &user, w.values["backup"])
				// After an outage a used code counts as consumed, so a retry is refused.
				return err
			},
			happened: of("john", func(u domain.User) bool { return len(u.Factor.Backup.Hashes) == 9 }),
		},
	}
}

func otherCases() map[string]useCase {
	keys := func(t *testing.T, w *world) []domain.APIKey {
		list, err := w.Store.Keys().List(t.Context(), domain.KeyQuery{User: w.user.UserID})
		must(t, err)
		return list.Keys
	}
	create := func(t *testing.T, w *world) error {
		_, err := w.Keys.Create(t.Context(), w.user, w.user.UserID,
			apikey.CreateInput{Name: "k", Permissions: []string{"bots.use"}})
		return err
	}
	return map[string]useCase{
		"create an API key": {
			run: create, action: domain.ActionAPIKeyCreate, again: true,
			happened: func(t *testing.T, w *world) int { return len(keys(t, w)) },
		},
		"revoke an API key": {
			prepare: func(t *testing.T, w *world) {
				must(t, create(t, w))
				w.values["key"] = string(keys(t, w)[0].ID)
			},
			run: func(t *testing.T, w *world) error {
				_, err := w.Keys.Revoke(t.Context(), w.user, domain.KeyID(w.values["key"]))
				return err
			},
			action: domain.ActionAPIKeyRevoke, happened: func(t *testing.T, w *world) int { return 1 - len(keys(t, w)) },
		},
		"change the settings": {
			run: func(t *testing.T, w *world) error {
				_, err := w.Settings.Patch(t.Context(), w.admin, settings.Patch{"password_policy.min_length": 14}, 0)
				return err
			},
			action:   domain.ActionSettingsChange,
			happened: func(t *testing.T, w *world) int { return one(w.catalog(t).Settings.Password.MinLength == 14) },
		},
		"export the log": {
			run: func(t *testing.T, w *world) error {
				export, err := w.Audit.Export(t.Context(), w.admin, audit.ExportRequest{Format: audit.FormatNDJSON})
				if err != nil {
					return err
				}
				return export.WriteTo(t.Context(), io.Discard)
			},
			happened: func(t *testing.T, w *world) int { return w.count(t, domain.ActionDataAccess) }, again: true,
		},
		"cut the log": {
			prepare: func(t *testing.T, w *world) {
				_, err := w.Sequencer.Seal(t.Context())
				must(t, err)
				w.Clock.Forward(48 * time.Hour)
			},
			run: func(t *testing.T, w *world) error {
				_, err := w.Audit.Retain(t.Context(), domain.System(), w.Clock.Now().Add(-25*time.Hour), nil)
				return err
			},
			action: domain.ActionDataAccess,
			happened: func(t *testing.T, w *world) int {
				segment, err := w.Store.Audit().SegmentBefore(t.Context(), w.Clock.Now())
				must(t, err)
				return one(segment.Number == 0) // no segment that still has its entries
			},
		},
	}
}
