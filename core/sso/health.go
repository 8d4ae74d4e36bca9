package sso

import (
	"errors"
	"maps"
	"sync"

	"github.com/ostiary/ostiary/core/domain"
)

// ProviderChange is a change between failing and successful checks of a provider's sessions, as this node sees it.
type ProviderChange struct {
	Directory domain.DirectoryID
	Err       error // the first failure; nil if the checks succeed again
}

// outcome is what the checks of one run showed about a provider.
type outcome struct {
	answered bool
	err      error // the first outage
}

// add records the result of one check. The end of a session is an answer like any other.
func (o *outcome) add(err error) {
	switch {
	case err == nil, errors.Is(err, domain.ErrProviderSessionEnded):
		o.answered = true
	case o.err == nil:
		o.err = err
	}
}

// health holds which providers could not be asked about their sessions in the last run that asked them.
type health struct {
	mu      sync.Mutex
	failing map[domain.DirectoryID]bool
}

// observe records the outcome of a run and reports whether it changes the provider's state. A run without a check, for
// instance because another node did all, changes nothing.
func (h *health) observe(id domain.DirectoryID, o outcome) (ProviderChange, bool) {
	if !o.answered && o.err == nil {
		return ProviderChange{}, false
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failing == nil {
		h.failing = map[domain.DirectoryID]bool{}
	}
	before, now := h.failing[id], o.err != nil
	h.failing[id] = now
	return ProviderChange{Directory: id, Err: o.err}, before != now
}

// FailingProviders returns, for each provider whose sessions this node has checked, whether the last checks failed.
func (s *Service) FailingProviders() map[domain.DirectoryID]bool {
	s.health.mu.Lock()
	defer s.health.mu.Unlock()
	return maps.Clone(s.health.failing)
}
