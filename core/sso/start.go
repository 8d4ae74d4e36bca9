package sso

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	longestState = 1024
	longestHint  = 254
	// freshFor is how recently somebody must have signed in to have their account linked.
	freshFor = 10 * time.Minute
)

// StartInput begins a sign-in. RedirectURI is where the browser ends, one of the configured ones; State comes back there as
// it is; Challenge is the client's own PKCE challenge (S256, RFC 7636), without which whoever has the code can use it.
type StartInput struct {
	Directory       domain.DirectoryID
	RedirectURI     string
	State           string
	Challenge       string
	ChallengeMethod string
	LoginHint       string
	Remember        bool
	Fresh           bool // the person signs in at the provider even where its session is live
	// StepUp is the mark of OfferStepUp: the person signs in again, and the session that asked for it is renewed.
	StepUp string
}

// Started is where to send the browser, and the cookie to give it.
type Started struct {
	URL    string
	Cookie Cookie
}

// Cookie ties a flow to the browser that began it. Each flow has its own, so that two tabs do not hinder each other.
type Cookie struct {
	Name, Value string
	Life        time.Duration
}

// cookieName tells the cookie of a flow from its state, which it does not show.
func cookieName(state string) string {
	return "ostiary_sso_" + base64.RawURLEncoding.EncodeToString(digest(state))[:12]
}

// Start begins a sign-in. An unknown provider is fault.ErrNotFound, an input that cannot be right fault.ErrInvalid, and a
// provider that cannot be reached domain.ErrDirectoryUnavailable.
func (s *Service) Start(ctx context.Context, by domain.Principal, in StartInput) (Started, error) {
	return s.start(ctx, by, in, "")
}

// StartLink begins a sign-in that makes the principal's own account the provider's. It takes a sign-in of the last ten
// minutes (domain.ErrReauthentication); who may not link is told by fault.ErrForbidden.
func (s *Service) StartLink(ctx context.Context, by domain.Principal, in StartInput) (Started, error) {
	if err := by.RequireSignedIn(); err != nil {
		return Started{}, err
	}
	if by.Kind != domain.PrincipalUser {
		return Started{}, fault.ErrForbidden
	}
	if s.now().Sub(by.AuthTime) > freshFor {
		return Started{}, domain.ErrReauthentication
	}
	user, err := s.deps.Users.Get(ctx, by.UserID)
	if err != nil {
		return Started{}, err
	}
	if err := s.checkLinkable(ctx, &user); err != nil {
		return Started{}, err
	}
	return s.start(ctx, by, in, by.UserID)
}

func (s *Service) start(ctx context.Context, by domain.Principal, in StartInput, link domain.UserID) (Started, error) {
	provider, err := s.provider(in.Directory)
	if err != nil {
		return Started{}, err
	}
	if err := s.checkStart(in); err != nil {
		return Started{}, err
	}
	if err := s.take(ctx, "sso_start", by); err != nil {
		return Started{}, err
	}
	renews, err := s.takeMark(ctx, in)
	if err != nil {
		return Started{}, err
	}
	in.Fresh = in.Fresh || renews != nil
	state, browser := newSecret(), newSecret()
	started, err := provider.Start(ctx, ports.RedirectRequest{
		State: state, Callback: s.deps.Config.CallbackURL(in.Directory), LoginHint: in.LoginHint, Fresh: in.Fresh,
	})
	if err != nil {
		return Started{}, err
	}
	err = s.keep(ctx, keptFlow, state, flow{
		At: started.Flow, RedirectURI: in.RedirectURI, State: in.State, Challenge: in.Challenge,
		Remember: in.Remember, Browser: digest(browser), Link: link, StepUp: renews,
	}, FlowLife)
	if err != nil {
		return Started{}, err
	}
	return Started{URL: started.URL, Cookie: Cookie{Name: cookieName(state), Value: browser, Life: FlowLife}}, nil
}

func (s *Service) checkStart(in StartInput) error {
	refused := fault.ErrInvalid
	if !s.mayReturnTo(in.RedirectURI) {
		refused = refused.About("redirect_uri", "must be one of the configured addresses, to the character")
	}
	if len(in.State) > longestState {
		refused = refused.About("state", "must be at most 1024 bytes")
	}
	if len(in.LoginHint) > longestHint {
		refused = refused.About("login_hint", "must be at most 254 bytes")
	}
	if in.Challenge == "" && in.ChallengeMethod != "" || in.Challenge != "" && in.ChallengeMethod != "S256" {
		refused = refused.About("code_challenge_method", "must be S256 with a code_challenge")
	}
	if decoded, err := base64.RawURLEncoding.DecodeString(in.Challenge); err != nil || in.Challenge != "" && len(decoded) != 32 {
		refused = refused.About("code_challenge", "must be a SHA-256 in base64url")
	}
	if len(refused.Details()) > 0 {
		return refused
	}
	return nil
}
