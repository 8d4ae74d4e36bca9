package sso

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/ports"
)

// freshFor is how recent a user's authentication must be to link the account.
const freshFor = 10 * time.Minute

// StartInput starts a login. RedirectURI is where the browser returns to, one of the configured URIs; State is passed
// on to it unchanged; Challenge is the client's own PKCE challenge (S256, RFC 7636). Without a challenge, any party
// with the code can use it.
type StartInput struct {
	Directory       domain.DirectoryID
	RedirectURI     string
	State           string
	Challenge       string
	ChallengeMethod string
	LoginHint       string
	Remember        bool
	Fresh           bool // requires authentication at the provider even with a live session there
	// StepUp is the mark of OfferStepUp: the user authenticates again, and the session that requested it is renewed.
	StepUp string
}

// Started is where to redirect the browser, and what binds the flow to it. Each flow has its own secret, so that two
// tabs do not interfere with each other.
type Started struct {
	URL    string
	State  string // identifies the flow; the provider returns it
	Secret string // to be known for FlowLife by this browser alone
}

// Start starts a login. An unknown provider is fault.ErrNotFound, an invalid input fault.ErrInvalid, and an unavailable
// provider domain.ErrDirectoryUnavailable.
func (s *Service) Start(ctx context.Context, by domain.Principal, in StartInput) (Started, error) {
	return s.start(ctx, by, in, "")
}

// StartLink starts a login that makes the principal's own account the provider's. It requires a login within the last
// ten minutes (domain.ErrReauthentication). A principal who may not link gets fault.ErrForbidden.
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
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return Started{}, err
	}
	if err := s.checkLinkable(catalog, &user); err != nil {
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
	state, browser := opaquetoken.Secret(), opaquetoken.Secret()
	started, err := provider.Start(ctx, ports.RedirectRequest{
		State: state, Callback: s.deps.Config.CallbackURL(in.Directory), LoginHint: in.LoginHint, Fresh: in.Fresh,
	})
	if err != nil {
		return Started{}, err
	}
	err = s.put(ctx, kindFlow, state, flow{
		At: started.Flow, RedirectURI: in.RedirectURI, State: in.State, Challenge: in.Challenge,
		Remember: in.Remember, Browser: opaquetoken.Digest(browser), Link: link, StepUp: renews,
	}, FlowLife)
	if err != nil {
		return Started{}, err
	}
	return Started{URL: started.URL, State: state, Secret: browser}, nil
}

func (s *Service) checkStart(in StartInput) error {
	refused := fault.ErrInvalid
	if !s.mayReturnTo(in.RedirectURI) {
		refused = refused.About("redirect_uri", "must be one of the configured addresses, to the character")
	}
	refused = domain.Limits.State.Bytes(refused, "state", in.State)
	refused = domain.Limits.LoginHint.Bytes(refused, "login_hint", in.LoginHint)
	if in.Challenge == "" && in.ChallengeMethod != "" || in.Challenge != "" && in.ChallengeMethod != "S256" {
		refused = refused.About("code_challenge_method", "must be S256 with a code_challenge")
	}
	if in.Challenge != "" && !opaquetoken.IsFingerprint(in.Challenge) {
		refused = refused.About("code_challenge", "must be a SHA-256 in base64url")
	}
	return domain.Refusal(refused)
}
