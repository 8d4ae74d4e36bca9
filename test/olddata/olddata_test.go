package olddata_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

const (
	adminPassword = "Correct-Horse-7-Battery"
	userPassword  = "Staple-9-Wagon-Umbrella"
)

// source is an address from which no user has signed in before.
const source = "192.0.2.44"

func TestAnOldDataDirectoryOpens(t *testing.T) {
	t.Parallel()
	doEverything(t, openSQLite(t))
}

func TestAnOldDatabaseOpens(t *testing.T) {
	t.Parallel()
	for name, start := range mongod.Kinds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doEverything(t, openMongoDB(t, start(t), nil))
		})
	}
}

func TestASettingThatAnOldDataDirectoryLacksHasItsDefault(t *testing.T) {
	t.Parallel()
	lacksASetting(t, openSQLite(t, "UPDATE settings SET doc = json_remove(doc, '$.lockout.account_max_attempts')"))
}

func TestASettingThatAnOldDatabaseLacksHasItsDefault(t *testing.T) {
	t.Parallel()
	lacksASetting(t, openMongoDB(t, mongod.Shared(t), withoutASetting))
}

var withoutASetting = bson.D{{Key: "$unset", Value: bson.D{{Key: "doc.lockout.accountmaxattempts", Value: ""}}}}

// lacksASetting reads 0 and cannot change any setting where stored settings are not decoded over their defaults: the
// bounds of every setting are checked with each change.
func lacksASetting(t *testing.T, in *installation) {
	t.Helper()
	catalog, err := in.Ports.Catalog.Catalog(t.Context())
	must(t, err)
	want := domain.DefaultSettings().Lockout.AccountMaxAttempts
	if got := catalog.Settings.Lockout.AccountMaxAttempts; got != want {
		t.Errorf("the setting that is not stored is %d, want its default %d", got, want)
	}
	stored, found, err := in.read()
	if err != nil || !found || stored.Lockout.AccountMaxAttempts != want {
		t.Errorf("the settings that commands read have %d, %v, %v", stored.Lockout.AccountMaxAttempts, found, err)
	}
	four := 4
	patch := settings.Patch{"session_policy.max_sessions": four}
	patched, err := in.Settings.Patch(t.Context(), domain.Operator(), patch, 0)
	must(t, err)
	if patched.Session.MaxSessions != four || patched.Lockout.AccountMaxAttempts != want {
		t.Errorf("after a change of another one the settings are %+v", patched)
	}
}

// doEverything uses all that the old installation has, changes it, and proves its log.
func doEverything(t *testing.T, in *installation) {
	t.Helper()
	readsEverything(t, in)
	oldCredentialsWork(t, in)
	signsIn(t, in)
	usersAreThere(t, in)
	settingsAreThere(t, in)
	changes(t, in)
	provesTheLog(t, in)
}

// readsEverything decodes each stored document.
func readsEverything(t *testing.T, in *installation) {
	t.Helper()
	const all = 1000
	want := map[domain.ArchiveKind]int{
		domain.ArchiveUsers: 5, domain.ArchiveSessions: 4, domain.ArchiveKeys: 1, domain.ArchiveTokens: 1,
		domain.ArchiveAttempts: 4,
		domain.ArchiveMessages: 4, domain.ArchiveAnswers: 2, domain.ArchiveRecords: 23,
	}
	for _, kind := range domain.ArchiveKinds {
		page, err := in.Ports.Archive.ArchivePage(t.Context(), kind, "", all)
		must(t, err)
		if n, ok := want[kind]; ok && len(page) != n {
			t.Errorf("there are %d %s, want %d", len(page), kind, n)
		}
	}
	tokens, err := in.Ports.Tokens.List(t.Context())
	must(t, err)
	if len(tokens) != 1 || tokens[0].Role != "auditor" {
		t.Errorf("the third-party tokens are %v", tokens)
	}
	claimed, err := in.Ports.Messages.ClaimMessages(t.Context(), in.Clock.Now(), in.Clock.Now().Add(time.Second), all)
	must(t, err)
	for _, m := range claimed {
		if _, err := in.Sealer.Open(m.Payload, "message|"+string(m.ID)+"|payload"); err != nil {
			t.Errorf("a message: %v", err)
		}
	}
	if len(claimed) != 4 {
		t.Errorf("%d messages are due, want 4", len(claimed))
	}
}

// oldCredentialsWork uses what the old installation has handed out.
func oldCredentialsWork(t *testing.T, in *installation) {
	t.Helper()
	from := kit.From(source)
	for name, credential := range map[string]string{"access token": in.secrets.AccessToken, "API key": in.secrets.APIKey} {
		p, err := in.Auth.Authenticate(t.Context(), credential, from.Origin)
		if err != nil || string(p.UserID) != in.secrets.Ada {
			t.Errorf("the %s: %q, %v", name, p.UserID, err)
		}
	}
	refreshed, err := in.Auth.Refresh(t.Context(), from, in.secrets.RefreshToken)
	must(t, err)
	p, err := in.Auth.Authenticate(t.Context(), refreshed.Tokens.Access, from.Origin)
	must(t, err)
	if p.Role != "editor" || !p.Can("reports.read") {
		t.Errorf("the refreshed session has the role %s and %v", p.Role, p.Grants)
	}
	if _, err := in.Auth.Refresh(t.Context(), from, refreshed.Tokens.Refresh); err != nil {
		t.Errorf("refreshing again: %v", err)
	}
}

func signsIn(t *testing.T, in *installation) {
	t.Helper()
	from := kit.From(source)
	for _, name := range []string{"ada.lovelace", "ADA@example.org"} {
		if _, err := in.Auth.Login(t.Context(), from, auth.LoginInput{Name: name, Password: userPassword}); err != nil {
			t.Errorf("signing in as %s: %v", name, err)
		}
	}
	if _, err := in.Auth.Login(t.Context(), from, auth.LoginInput{Name: "admin", Password: adminPassword}); err != nil {
		t.Errorf("signing in as the administrator: %v", err)
	}
	carol := auth.LoginInput{Name: "carol", Password: userPassword}
	if _, err := in.Auth.Login(t.Context(), from, carol); !errors.Is(err, domain.ErrTwoFactorRequired) {
		t.Errorf("signing carol in without a code = %v, want ErrTwoFactorRequired", err)
	}
	carol.Code = in.secrets.BackupCode
	if _, err := in.Auth.Login(t.Context(), from, carol); err != nil {
		t.Errorf("signing carol in with a backup code: %v", err)
	}
	if _, err := in.Auth.Login(t.Context(), from, auth.LoginInput{Name: "bob", Password: userPassword}); err == nil {
		t.Error("bob was deactivated, and signs in")
	}
}

func usersAreThere(t *testing.T, in *installation) {
	t.Helper()
	list := func(filter account.Filter) []domain.User {
		filter.Page = domain.Page{Number: 1, Limit: 100}
		page, err := in.Account.List(t.Context(), domain.Operator(), filter)
		must(t, err)
		return page.Users
	}
	if users := list(account.Filter{}); len(users) != 5 {
		t.Errorf("%d users are listed, want 5", len(users))
	}
	for name, filter := range map[string]account.Filter{
		"group": {Group: "Writers"}, "role": {Role: "editor"}, "search": {Search: "lovel"},
	} {
		users := list(filter)
		if len(users) != 1 || string(users[0].ID) != in.secrets.Ada {
			t.Errorf("by %s %d users are listed, want ada alone", name, len(users))
			continue
		}
		ada := users[0]
		if !strings.Contains(string(ada.Metadata), `"n": 1.5`) || ada.PhoneNumber != "+420123456789" ||
			ada.FullName != "Ada Lovelace" {
			t.Errorf("ada has %s, %s and %s", ada.Metadata, ada.PhoneNumber, ada.FullName)
		}
	}
	if users := list(account.Filter{Status: "inactive"}); len(users) != 1 || string(users[0].ID) != in.secrets.Bob {
		t.Errorf("%d inactive users are listed, want bob alone", len(users))
	}
}

func settingsAreThere(t *testing.T, in *installation) {
	t.Helper()
	catalog, err := in.Ports.Catalog.Catalog(t.Context())
	must(t, err)
	got := catalog.Settings
	want := domain.DefaultSettings()
	want.Version, want.UpdatedAt = got.Version, got.UpdatedAt
	want.Password.MinLength, want.Password.HistoryCount = 14, 3
	if len(got.TwoFactor.RequiredForRoles) != 0 || got.Password != want.Password || got.Session != want.Session ||
		got.Lockout != want.Lockout {
		t.Errorf("the settings are %+v, want %+v", got, want)
	}
	group, _ := catalog.Groups.Get(domain.GroupID(in.secrets.Group))
	if group.Name != "Writers" || group.Description != "They write" {
		t.Errorf("the group is %+v", group)
	}
	fifteen := 15
	patch := settings.Patch{"password_policy.min_length": fifteen}
	_, err = in.Settings.Patch(t.Context(), domain.Operator(), patch, 0)
	must(t, err)
	if catalog, err = in.Ports.Catalog.Catalog(t.Context()); err != nil || catalog.Settings.Password.MinLength != fifteen {
		t.Errorf("after a change the settings are %+v, %v", catalog.Settings, err)
	}
}

// changes writes over old documents of each kind that people change.
func changes(t *testing.T, in *installation) {
	t.Helper()
	operator, ada := domain.Operator(), domain.UserID(in.secrets.Ada)
	name := "Augusta Ada King"
	changed, err := in.Account.Update(t.Context(), operator, ada,
		account.Patch{Person: domain.PersonPatch{"full_name": name}})
	must(t, err)
	if changed.FullName != name || len(changed.GroupNames) != 1 {
		t.Errorf("ada is %s in %v", changed.FullName, changed.GroupNames)
	}
	second := account.NewUser{Username: "ADA.lovelace", Email: "other@example.org", Password: userPassword}
	if _, err := in.Account.Create(t.Context(), operator, second); !errors.Is(err, domain.ErrUserExists) {
		t.Errorf("a second ada = %v, want ErrUserExists", err)
	}
	title := "Editors"
	_, err = in.Access.UpdateRole(t.Context(), operator, "editor", access.RolePatch{Name: &title})
	must(t, err)
	_, err = in.Access.UpdateGroup(t.Context(), operator, in.secrets.Group, access.GroupPatch{Description: &title})
	must(t, err)
	keys, err := in.Keys.List(t.Context(), operator, ada, domain.Page{Number: 1, Limit: 10})
	must(t, err)
	if len(keys.Keys) != 1 {
		t.Fatalf("ada has %d API keys, want 1", len(keys.Keys))
	}
	_, err = in.Keys.Revoke(t.Context(), operator, keys.Keys[0].ID)
	must(t, err)
	_, err = in.Auth.RevokeAll(t.Context(), operator, ada, false)
	must(t, err)
	if _, err := in.Auth.Authenticate(t.Context(), in.secrets.AccessToken, kit.From(source).Origin); err == nil {
		t.Error("the access token of a revoked session works")
	}
	_, err = in.Account.Purge(t.Context(), operator, domain.UserID(in.secrets.Carol), nil)
	must(t, err)
}

// provesTheLog seals what was written since, and verifies all of it.
func provesTheLog(t *testing.T, in *installation) {
	t.Helper()
	in.Clock.Forward(time.Hour)
	_, err := in.Sequencer.Seal(t.Context())
	must(t, err)
	report, err := in.Verifier.Verify(t.Context(), audit.Trust{})
	must(t, err)
	if report.Finding != nil || !report.Complete || report.First != 1 || report.Entries <= 23 || report.Unsealed != 0 {
		t.Errorf("the audit log is %+v, finding %+v", report, report.Finding)
	}
	page, err := in.Audit.List(t.Context(), domain.Operator(), domain.AuditQuery{
		Actions: []domain.Action{domain.ActionRoleCreate}, Page: domain.Page{Number: 1, Limit: 10},
	})
	must(t, err)
	if len(page.Entries) != 1 || page.Entries[0].Target != "editor" {
		t.Errorf("the log lists %d created roles, want the old one", len(page.Entries))
	}
}
