package oidcdir_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/oidcdir"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/oidc"
)

const (
	// patience is a time limit for tests that are not about it, on a loaded machine too.
	patience = 20 * time.Second
	callback = "http://localhost:1/api/v1/security/auth/oidc/corp/callback"
	state    = "a-state-of-the-core"
)

// clock is the true time, moved by what a test says.
type clock struct{ moved atomic.Int64 }

func (c *clock) Now() time.Time          { return time.Now().Add(time.Duration(c.moved.Load())) }
func (c *clock) advance(d time.Duration) { c.moved.Add(int64(d)) }

type rig struct {
	*oidcdir.Directory

	clock   *clock
	browser *oidc.Browser
}

func newRig(t *testing.T, settings oidcdir.Settings) *rig {
	t.Helper()
	r := &rig{clock: &clock{}, browser: oidc.NewBrowser(t, callback)}
	settings.AllowHTTPLoopback = true
	directory, err := oidcdir.New("corp", settings, oidcdir.Options{
		Clock:          r.clock,
		CallbackURL:    func(id domain.DirectoryID) string { return "https://login.example.org/" + string(id) + "/callback" },
		BackChannelURL: func(id domain.DirectoryID) string { return "https://login.example.org/" + string(id) + "/logout" },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = directory.Close(t.Context()) })
	r.Directory = directory
	return r
}

// hostileRig returns a directory of a hostile provider with the change made to right settings.
func hostileRig(t *testing.T, h *oidc.Hostile, change func(*oidcdir.Settings)) *rig {
	t.Helper()
	settings := oidcdir.Settings{
		Issuer: h.URL, ClientID: oidc.HostileClient, ClientSecret: oidc.HostileSecret,
		UserInfo: "never", Timeout: patience,
	}
	if change != nil {
		change(&settings)
	}
	return newRig(t, settings)
}

func (r *rig) start(t *testing.T, hint string) domain.RedirectStart {
	t.Helper()
	start, err := r.Start(t.Context(), ports.RedirectRequest{State: state, Callback: callback, LoginHint: hint})
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	return start
}

// visit plays the person and returns what comes back.
func (r *rig) visit(t *testing.T, address string) domain.RedirectCallback {
	t.Helper()
	query := r.browser.Visit(t, address)
	return domain.RedirectCallback{
		Code: query.Get("code"), State: query.Get("state"), Issuer: query.Get("iss"),
		Error: query.Get("error"), ErrorDescription: query.Get("error_description"),
	}
}

func (r *rig) signIn(t *testing.T, hint string) (domain.RedirectResult, error) {
	t.Helper()
	start := r.start(t, hint)
	return r.Finish(t.Context(), start.Flow, r.visit(t, start.URL))
}

func (r *rig) mustSignIn(t *testing.T, hint string) domain.RedirectResult {
	t.Helper()
	result, err := r.signIn(t, hint)
	if err != nil {
		t.Fatalf("sign-in: %v", err)
	}
	return result
}

// wantRefused checks that err is the failure and that its cause says why.
func wantRefused(t *testing.T, err, failure error, reason string) {
	t.Helper()
	if !errors.Is(err, failure) {
		t.Fatalf("got %v, want %v", err, failure)
	}
	cause := errors.Unwrap(err)
	if cause == nil || !strings.Contains(cause.Error(), reason) {
		t.Errorf("the cause is %v, want one that says %q", cause, reason)
	}
}

func payload(t *testing.T, claims map[string]any) []byte {
	t.Helper()
	data, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func contextWithCancel(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithCancel(t.Context())
}
