package builtindir_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/argon2id"
	"github.com/ostiary/ostiary/adapters/builtindir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.LocalPasswordStore = (*builtindir.Directory)(nil)

func newDirectory(t *testing.T) *builtindir.Directory {
	t.Helper()
	hasher, err := argon2id.New(argon2id.Config{MemoryKiB: 64, Passes: 1, Lanes: 1, QueueDeadline: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	return builtindir.New("local", hasher)
}

func makeHash(t *testing.T, d *builtindir.Directory, password string) string {
	t.Helper()
	hash, err := d.MakeHash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	return hash
}

func TestCheckCredential(t *testing.T) {
	t.Parallel()
	d := newDirectory(t)
	const right = "Quietly-Umbrella-4417"
	hash := makeHash(t, d, right)
	tests := map[string]struct {
		credential   *domain.PasswordCredential
		password     string
		want         domain.Outcome
		wantOutdated bool
	}{
		"the right password": {&domain.PasswordCredential{Hash: hash}, right, domain.OutcomeOK, false},
		"a wrong password": {
			&domain.PasswordCredential{Hash: hash}, "wrong", domain.OutcomeBadCredentials,
			false,
		},
		"no password":             {&domain.PasswordCredential{Hash: hash}, "", domain.OutcomeBadCredentials, false},
		"nobody":                  {nil, right, domain.OutcomeBadCredentials, false},
		"somebody without a hash": {&domain.PasswordCredential{}, "", domain.OutcomeBadCredentials, false},
		"a password that must be changed": {
			&domain.PasswordCredential{Hash: hash, MustChange: true}, right,
			domain.OutcomeMustChange, false,
		},
		"a wrong one that must be changed": {
			&domain.PasswordCredential{Hash: hash, MustChange: true}, "wrong",
			domain.OutcomeBadCredentials, false,
		},
		"an imported hash": {
			&domain.PasswordCredential{Hash: "{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA"}, "correct horse", domain.OutcomeOK, true,
		},
		"an imported hash and a wrong password": {
			&domain.PasswordCredential{Hash: "{SSHA}/A73SVvGxIYmUaPklvElHigHk9YaIwTA"}, "wrong", domain.OutcomeBadCredentials,
			false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, outdated, err := d.CheckCredential(t.Context(), tt.credential, tt.password)
			if err != nil || got != tt.want || outdated != tt.wantOutdated {
				t.Errorf("CheckCredential = %v, outdated %v, %v; want %v, outdated %v", got, outdated, err, tt.want,
					tt.wantOutdated)
			}
		})
	}
}

func TestDirectoryHasNoLookup(t *testing.T) {
	t.Parallel()
	var d ports.Directory = newDirectory(t)
	if d.ID() != "local" || d.Type() != "builtin" || d.JustInTime() || len(d.Suffixes()) != 0 ||
		d.Close(t.Context()) != nil {
		t.Error("the directory says something else of itself")
	}
	if _, finds := d.(ports.Lookup); finds {
		t.Error("the directory claims to find people")
	}
}
