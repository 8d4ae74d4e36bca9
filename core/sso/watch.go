package sso

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

const watchBatch = 200

// errClaimed means that another worker is checking the session.
var errClaimed = errors.New("the session is being checked by another worker")

// WatchProviders queries the providers about the sessions whose check is due, and ends those that have ended at the
// provider. One worker at a time checks a session, over all nodes: two concurrent uses of a refresh token look like
// theft to the provider. It is called by a job and returns the local errors; an unavailable provider ends no session
// and delays only its own sessions. changed is called when the checks at a provider begin to fail, and when they
// succeed again; it may be called concurrently.
func (s *Service) WatchProviders(ctx context.Context, changed func(c ProviderChange)) error {
	for {
		due, err := s.deps.Sessions.ListProviderGrants(ctx, s.now().Add(-s.deps.Config.CheckEvery), watchBatch)
		if err == nil {
			err = s.watchAll(ctx, due, changed)
		}
		if err != nil || len(due) < watchBatch {
			return err
		}
	}
}

// watchAll queries the providers concurrently, so that a slow provider delays no other.
func (s *Service) watchAll(ctx context.Context, due []domain.Session, changed func(c ProviderChange)) error {
	byProvider := map[domain.DirectoryID][]domain.Session{}
	for _, session := range due {
		byProvider[session.Provider.Directory] = append(byProvider[session.Provider.Directory], session)
	}
	failures := make(chan error, len(byProvider))
	var group sync.WaitGroup
	for id, sessions := range byProvider {
		group.Go(func() {
			defer func() {
				if p := recover(); p != nil { // the recovery of the job covers only its own goroutine
					failures <- fmt.Errorf("provider %s: panic: %v", id, p)
				}
			}()
			outcome, err := s.watch(ctx, id, sessions)
			if change, ok := s.health.observe(id, outcome); ok {
				changed(change)
			}
			failures <- err
		})
	}
	group.Wait()
	close(failures)
	var err error
	for failure := range failures {
		err = errors.Join(err, failure)
	}
	return err
}

// watch checks the sessions of one provider.
func (s *Service) watch(ctx context.Context, id domain.DirectoryID, sessions []domain.Session) (outcome, error) {
	d, _ := s.deps.Directories.Get(id)
	provider, ok := d.(ports.ProviderSessions)
	var seen outcome
	var failed error
	for _, session := range sessions {
		if ctx.Err() != nil {
			return seen, errors.Join(failed, context.Cause(ctx))
		}
		if !ok { // the provider was removed from the configuration
			failed = errors.Join(failed, s.setGrant(ctx, session.ID, nil))
			continue
		}
		failed = errors.Join(failed, s.check(ctx, provider, session, &seen))
	}
	return seen, failed
}

// check queries the provider about one session.
func (s *Service) check(ctx context.Context, provider ports.ProviderSessions, session domain.Session,
	seen *outcome,
) error {
	live, err := s.isLive(ctx, session.ID)
	if err != nil {
		return err
	}
	if !live {
		return s.setGrant(ctx, session.ID, nil)
	}
	claimed, err := s.claim(ctx, session)
	if errors.Is(err, errClaimed) || errors.Is(err, domain.ErrSessionNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	grant, err := s.deps.Sealer.Open(claimed.Provider.Grant, auth.GrantBinding(session.ID))
	if err != nil {
		return err
	}
	// The response must be stored even when the service is stopping: the provider has replaced the old grant by a new
	// one.
	ctx = context.WithoutCancel(ctx)
	next, err := provider.Refresh(ctx, string(grant))
	seen.add(err)
	switch {
	case errors.Is(err, domain.ErrProviderSessionEnded):
		return s.endedThere(ctx, claimed)
	case errors.Is(err, domain.ErrDirectoryUnavailable):
		if next == "" {
			return nil
		}
	case err != nil:
		return err
	}
	return s.replaceGrant(ctx, session.ID, next)
}

// isLive reports whether the session is still live here. Checking an ended session would only keep the provider's
// session alive.
func (s *Service) isLive(ctx context.Context, id domain.SessionID) (bool, error) {
	live, err := s.deps.View.Lookup(ctx, id)
	if errors.Is(err, domain.ErrSessionNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return false, err
	}
	return s.now().Before(live.Session.EndsAt(catalog.Settings.Session)), nil
}

// claim advances the time of the check, which only one of several workers can do.
func (s *Service) claim(ctx context.Context, session domain.Session) (domain.Session, error) {
	return s.deps.Sessions.Update(ctx, session.ID, func(x *domain.Session, _ *domain.Outbox) error {
		if !x.Provider.CheckedAt.Equal(session.Provider.CheckedAt) || len(x.Provider.Grant) == 0 {
			return errClaimed
		}
		x.Provider.CheckedAt = s.now()
		return nil
	})
}

func (s *Service) endedThere(ctx context.Context, session domain.Session) error {
	if err := s.deps.Auth.EndByProvider(ctx, domain.System(), session, "provider_session_ended"); err != nil {
		return err
	}
	return s.setGrant(ctx, session.ID, nil)
}

func (s *Service) replaceGrant(ctx context.Context, id domain.SessionID, grant string) error {
	sealed, err := s.deps.Sealer.Seal([]byte(grant), auth.GrantBinding(id))
	if err != nil {
		return err
	}
	return s.setGrant(ctx, id, sealed)
}

// setGrant stores the grant, or deletes that of an ended session, which would otherwise be checked forever.
func (s *Service) setGrant(ctx context.Context, id domain.SessionID, sealed []byte) error {
	_, err := s.deps.Sessions.Update(ctx, id, func(x *domain.Session, _ *domain.Outbox) error {
		x.Provider.Grant = sealed
		return nil
	})
	if errors.Is(err, domain.ErrSessionNotFound) {
		return nil
	}
	return err
}
