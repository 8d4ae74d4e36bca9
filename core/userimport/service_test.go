package userimport_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/settings"
	"github.com/ostiary/ostiary/core/userimport"
	"github.com/ostiary/ostiary/test/kit"
)

// Test vectors of the contract, for the password "correct horse".
const (
	scryptHash = "scrypt:32768:8:1$abcdefgh12345678$c9af3e22d337e8e1a7adc40c497069c30ccbbdf5e97123cc3a08c27240deea04c35a1e3fb7f886377527d939835c3dfc07905e80d9723bf665d88f8648e9a174"
	pbkdf2Hash = "pbkdf2:sha256:600000$abcdefgh12345678$79162392bdf67f18c7dd2ce46773bb237013c8850890b4a36e4bb70a165d46d4"
)

func start(t *testing.T) (*kit.Services, *userimport.Service) {
	t.Helper()
	s := kit.Start(t, kit.Options{})
	return s, s.Import
}

func TestImportedHashesSignInAndAreUpgraded(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	batch := userimport.Batch{Users: []userimport.User{
		{Identifier: "aaaa0001", Username: "old", Email: "old@example.com", Role: "Admin", PasswordHash: scryptHash},
		{Identifier: "aaaa0002", Username: "older", Email: "older@example.com", PasswordHash: pbkdf2Hash},
	}}
	for _, want := range []userimport.Outcome{userimport.Created, userimport.Unchanged} {
		results, err := imports.Users(t.Context(), domain.Operator(), batch)
		if err != nil || results[0].Outcome != want || results[1].Outcome != want {
			t.Fatalf("got %v, %v; want %v", results, err, want)
		}
	}
	for _, name := range []string{"old", "older"} {
		for range 2 { // the second time with the upgraded hash
			if _, err := s.Auth.Login(t.Context(), kit.From("192.0.2.1"),
				auth.LoginInput{Name: name, Password: "correct horse"}); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		user, err := s.Store.Users().FindByLogin(t.Context(), name)
		if err != nil || !strings.HasPrefix(user.Password.Hash, "$argon2id$") {
			t.Errorf("%s is still hashed as before, %v", name, err)
		}
	}
	if user, _ := s.Store.Users().FindByLogin(t.Context(), "old"); user.Identifier != "aaaa0001" ||
		user.Role != domain.RoleAdmin {
		t.Errorf("got %s, %s", user.Identifier, user.Role)
	}
	if got := len(s.Logged(t, domain.ActionUserCreate)); got != 2 {
		t.Errorf("%d entries of two users", got)
	}
}

func TestInvalidRowsDoNotAffectOthers(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	s.Register(t, "ada", "Correct-horse-7", "user")
	rows := map[string]userimport.User{
		"a taken name":        {Username: "ADA", Email: "x@example.com", Identifier: "aaaa0009"},
		"a taken address":     {Username: "x1", Email: "ada@example.com"},
		"a hash in the clear": {Username: "x2", Email: "x2@example.com", PasswordHash: "secret"},
		"a hash that takes 4 GiB": {
			Username: "x3", Email: "x3@example.com",
			PasswordHash: "$argon2id$v=19$m=4194304,t=2,p=1$c2FsdHNhbHRzYWx0$" + strings.Repeat("A", 43),
		},
		"an unknown role":    {Username: "x4", Email: "x4@example.com", Role: "king"},
		"an unknown group":   {Username: "x5", Email: "x5@example.com", Groups: []string{"knights"}},
		"a wrong identifier": {Username: "x6", Email: "x6@example.com", Identifier: "XYZ"},
		"a wrong status":     {Username: "x7", Email: "x7@example.com", Status: "dead"},
		"active and no hash": {Username: "x8", Email: "x8@example.com", Status: "active"},
		"made in the future": {
			Username: "y1", Email: "y1@example.com",
			CreatedAt: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC),
		},
		"a password of tomorrow": {
			Username: "y2", Email: "y2@example.com", PasswordHash: pbkdf2Hash,
			PasswordSetAt: time.Date(2999, 1, 1, 0, 0, 0, 0, time.UTC),
		},
		"a foreign subject": {Username: "x9", Email: "x9@example.com", Subject: "42"},
	}
	for name, row := range rows {
		results, err := imports.Users(t.Context(), domain.Operator(),
			userimport.Batch{Users: []userimport.User{row, {Username: "ok-" + row.Username, Email: "ok-" + row.Email}}})
		if err != nil || results[0].Outcome != userimport.Refused || results[0].Reason == "" ||
			results[1].Outcome != userimport.Created {
			t.Errorf("%s: %v, %v", name, results, err)
		}
	}
}

func TestImportRequiresItsPermission(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	by := s.As(t, s.User(t, "desk", domain.RoleUser))
	if _, err := imports.Begin(by, userimport.Options{}); !errors.Is(err, fault.ErrForbidden) {
		t.Errorf("got %v", err)
	}
}

// importer is a principal with system.import alone.
func importer() domain.Principal {
	return domain.Principal{
		Kind: domain.PrincipalUser, UserID: "usr_1", Level: 50,
		Grants: domain.Grants{{Source: "role:importer", Permission: domain.SystemImport}},
	}
}

func TestImportRefusesRowsThatWouldEscalate(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	_, err := s.Access.CreateGroup(t.Context(), domain.Operator(),
		access.GroupInput{Name: "ops", Permissions: []string{"system.keys"}})
	if err != nil {
		t.Fatal(err)
	}
	refused := map[string]userimport.User{
		"an administrator":       {Username: "a1", Email: "a1@example.com", Role: "admin"},
		"a superuser":            {Username: "a2", Email: "a2@example.com", Role: "sudo"},
		"a role that reads":      {Username: "a3", Email: "a3@example.com", Role: "auditor"},
		"an administering group": {Username: "a4", Email: "a4@example.com", Groups: []string{"ops"}},
	}
	for name, row := range refused {
		batch := userimport.Batch{Users: []userimport.User{row, {Username: "ok-" + row.Username, Email: "ok-" + row.Email}}}
		for _, batch.DryRun = range []bool{true, false} {
			results, err := imports.Users(t.Context(), importer(), batch)
			if err != nil || results[0].Outcome != userimport.Refused || results[1].Outcome != userimport.Created {
				t.Errorf("%s, dry run %t: %+v, %v", name, batch.DryRun, results, err)
			}
		}
		if _, err := s.Store.Users().FindByLogin(t.Context(), row.Username); !errors.Is(err, domain.ErrUserNotFound) {
			t.Errorf("%s was created: %v", name, err)
		}
	}
	results, err := imports.Roles(t.Context(), importer(), []userimport.Role{
		{Name: "chief", Level: 1},
		{Name: "peer", Level: 40},
		{Name: "reader", Level: 60, Permissions: []string{"users.read"}},
		{Name: "clerk", Level: 60},
	}, false)
	want := []userimport.Outcome{userimport.Refused, userimport.Refused, userimport.Refused, userimport.Created}
	for i, r := range results {
		if r.Outcome != want[i] {
			t.Errorf("role %d: %+v", i, r)
		}
	}
	if err != nil {
		t.Error(err)
	}
}

func TestImportedAdministrativeRoleRequiresRecentProof(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	patch := settings.Patch{"session_policy.reauthenticate_minutes": 5}
	if _, err := s.Settings.Patch(t.Context(), domain.Operator(), patch, 0); err != nil {
		t.Fatal(err)
	}
	by := importer()
	by.Grants = append(by.Grants, domain.Grant{Source: "role:importer", Permission: domain.UsersRead})
	rows := []userimport.Role{
		{Name: "reader", Level: 60, Permissions: []string{"users.read"}},
		{Name: "clerk", Level: 60},
		{Name: "far", Level: 1 << 21},
	}
	want := []userimport.Outcome{userimport.Refused, userimport.Created, userimport.Refused}
	for range 2 {
		results, err := imports.Roles(t.Context(), by, rows, false)
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Outcome != want[i] {
				t.Errorf("%s: %+v", rows[i].Name, r)
			}
		}
		by.AuthTime = s.Clock.Now()
		rows, want = rows[:1], []userimport.Outcome{userimport.Created}
	}
}

func TestBrokenOffImportIsRecorded(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	run, err := imports.Begin(importer(), userimport.Options{Source: "cut.ndjson", Report: func(userimport.Row) {}})
	if err != nil {
		t.Fatal(err)
	}
	if err := run.Role(t.Context(), 1, userimport.Role{Name: "clerk", Level: 60}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	cause := errors.New("the client disconnected")
	if err := run.BreakOff(ctx, cause); !errors.Is(err, cause) {
		t.Errorf("got %v, want the cause", err)
	}
	entries := s.Logged(t, domain.ActionImport)
	if len(entries) != 1 || entries[0].Success || entries[0].UserID != "usr_1" ||
		fmt.Sprint(entries[0].Details["created"]) != "1" {
		t.Errorf("%+v", entries)
	}
}

func TestImportOfManyRowsIsCountedOverItsBatches(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	for _, dryRun := range []bool{true, false} {
		var rows []userimport.Row
		run, err := imports.Begin(importer(), userimport.Options{
			Source: "many.ndjson", DryRun: dryRun, Report: func(r userimport.Row) { rows = append(rows, r) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := run.Role(t.Context(), 1, userimport.Role{Name: "clerk", Level: 60}); err != nil {
			t.Fatal(err)
		}
		for at := 2; at <= 1502; at++ {
			name := fmt.Sprintf("user%d", at%1500) // the last three are the first ones again
			user := userimport.User{Username: name, Email: name + "@example.com", Role: "clerk"}
			if at == 1502 {
				user.Email = "other@example.com"
			}
			if err := run.User(t.Context(), at, 100, user); err != nil {
				t.Fatal(err)
			}
		}
		if err := run.Refuse(1503, "is not one row"); err != nil {
			t.Fatal(err)
		}
		sum, err := run.Finish(t.Context())
		want := userimport.Summary{Created: 1501, Unchanged: 0, Refused: 2}
		if err != nil || sum != want || len(rows) != 2 || rows[0].At != 1503 && rows[1].At != 1503 {
			t.Errorf("dry run %t: %+v %+v, %v", dryRun, sum, rows, err)
		}
	}
	entries := s.Logged(t, domain.ActionImport)
	if len(entries) != 1 || entries[0].Target != "many.ndjson" || entries[0].UserID != "usr_1" {
		t.Errorf("%+v", entries)
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	s, imports := start(t)
	rows := []userimport.Role{
		{Identifier: "06eeeacb", Name: "ADMIN", Level: 1},
		{Name: "admin", Level: 5},
		{Identifier: "abcdef01", Name: "Clerk", Level: 60},
		{Identifier: "abcdef01", Name: "other", Level: 60},
		{Name: "a/b", Level: 60},
		{Name: "low", Level: -1},
	}
	want := []userimport.Outcome{
		userimport.Unchanged, userimport.Refused, userimport.Created, userimport.Refused,
		userimport.Refused, userimport.Refused,
	}
	results, err := imports.Roles(t.Context(), domain.Operator(), rows, false)
	if err != nil {
		t.Fatal(err)
	}
	for i, r := range results {
		if r.Outcome != want[i] {
			t.Errorf("%s: %v", rows[i].Name, r)
		}
	}
	catalog, err := s.Access.Catalog(t.Context())
	if err != nil || catalog.Role("clerk").Identifier != "abcdef01" || catalog.Role("clerk").Level != 60 {
		t.Errorf("got %+v, %v", catalog.Role("clerk"), err)
	}
}

// BenchmarkImport imports 10,000 users with hashes per iteration.
func BenchmarkImport(b *testing.B) {
	s := kit.Start(b, kit.Options{})
	imports := s.Import
	turn := 0
	for b.Loop() {
		turn++
		for batch := range 10 {
			rows := make([]userimport.User, 1000)
			for i := range rows {
				name := fmt.Sprintf("user-%d-%d-%d", turn, batch, i)
				rows[i] = userimport.User{Username: name, Email: name + "@example.com", PasswordHash: pbkdf2Hash}
			}
			if _, err := imports.Users(b.Context(), domain.Operator(), userimport.Batch{Users: rows}); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Seconds())/float64(turn)*10, "s/100k-users")
}

// TestRowsWithCommonNames checks that their order in the batch decides, and that a dry run predicts it.
func TestRowsWithCommonNames(t *testing.T) {
	t.Parallel()
	_, imports := start(t)
	rows := []userimport.User{
		{Username: "bad", Email: "bad@example.com", Role: "king"},
		{Username: "bad", Email: "bad@example.com"},
		{Username: "ada", Email: "ada@example.com"},
		{Username: "ada", Email: "ada@example.com"},
		{Username: "ＡＤＡ", Email: "other@example.com"},
		{Username: "bea", Email: "Ada@Example.com"},
		{Username: "ada@example.com", Email: "third@example.com"},
		{Username: "cia", Email: "cia@example.com"},
	}
	want := []userimport.Outcome{
		userimport.Refused, userimport.Created, userimport.Created, userimport.Unchanged, userimport.Refused,
		userimport.Refused, userimport.Refused, userimport.Created,
	}
	for _, dryRun := range []bool{true, true, false} {
		results, err := imports.Users(t.Context(), domain.Operator(), userimport.Batch{Users: rows, DryRun: dryRun})
		if err != nil {
			t.Fatal(err)
		}
		for i, r := range results {
			if r.Outcome != want[i] {
				t.Errorf("dry run %v, row %d: %+v, want %d", dryRun, i, r, want[i])
			}
		}
	}
}

// TestTakenIdentifierIsReplaced checks that a taken identifier is reported and replaced, and that the same import
// again finds the user.
func TestTakenIdentifierIsReplaced(t *testing.T) {
	t.Parallel()
	_, imports := start(t)
	batch := userimport.Batch{Users: []userimport.User{{
		Identifier: "aaaa0001", Username: "ada",
		Email: "ada@example.com",
	}}}
	if _, err := imports.Users(t.Context(), domain.Operator(), batch); err != nil {
		t.Fatal(err)
	}
	batch.Users[0].Username, batch.Users[0].Email = "bea", "bea@example.com"
	results, err := imports.Users(t.Context(), domain.Operator(), batch)
	if err != nil || results[0].Outcome != userimport.Created ||
		!strings.HasPrefix(results[0].Reason, "the identifier belongs to another user: it is now ") {
		t.Fatalf("%+v, %v", results, err)
	}
	if results, err = imports.Users(t.Context(), domain.Operator(), batch); err != nil ||
		results[0].Outcome != userimport.Unchanged {
		t.Errorf("again: %+v, %v", results, err)
	}
}

func TestDryRunIncludesEarlierRoles(t *testing.T) {
	t.Parallel()
	_, imports := start(t)
	rows := []userimport.Role{{Name: "clerk", Level: 60}, {Name: "Clerk", Level: 60}, {Name: "clerk", Level: 61}}
	for _, dryRun := range []bool{true, false} {
		results, err := imports.Roles(t.Context(), domain.Operator(), rows, dryRun)
		if err != nil || results[0].Outcome != userimport.Created || results[1].Outcome != userimport.Unchanged ||
			results[2].Outcome != userimport.Refused {
			t.Errorf("dry run %v: %+v, %v", dryRun, results, err)
		}
	}
}
