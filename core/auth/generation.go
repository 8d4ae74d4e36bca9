package auth

import (
	"context"
	"errors"
	"sync"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// markUsed records that the service accepts a token of the generation, before the request with the token proceeds. Once
// a generation is marked as used, the refresh token of its predecessor no longer works. Only the first token of a
// generation causes a write; a token of an older generation does not affect the current one. If the store cannot record
// the use, the request fails.
func (s *Service) markUsed(ctx context.Context, session *domain.Session, generation int64) error {
	if !session.Refresh.Awaits(generation) {
		return nil
	}
	return s.marks.do(ctx, generationKey{session.ID, generation}, func() error {
		_, err := s.deps.Sessions.Update(ctx, session.ID, func(x *domain.Session, _ *domain.Outbox) error {
			if !x.Refresh.Awaits(generation) {
				return domain.ErrUnchanged
			}
			x.Refresh.Unseen = false
			return nil
		})
		if errors.Is(err, domain.ErrSessionNotFound) {
			return fault.ErrUnauthorized
		}
		return err
	})
}

// generationKey identifies one generation of a session's tokens.
type generationKey struct {
	session domain.SessionID
	counter int64
}

// generationMarks makes concurrent first requests of a generation share one write. Its zero value is ready for use.
type generationMarks struct {
	mu      sync.Mutex
	running map[generationKey]*generationMark
}

// generationMark is one write in progress. Its error may be read once done is closed.
type generationMark struct {
	done      chan struct{}
	err       error
	abandoned bool // the writing request was canceled; the error is not the store's
}

// do runs write for the key, or waits for a write that is already running and returns its error. If a write failed
// because its own request was canceled, one of the waiting requests runs it again.
func (g *generationMarks) do(ctx context.Context, key generationKey, write func() error) error {
	for {
		mark, first := g.join(key)
		if first {
			return g.run(ctx, key, mark, write)
		}
		select {
		case <-mark.done:
			if !mark.abandoned {
				return mark.err
			}
		case <-ctx.Done():
			return fault.ErrStorage.Because(ctx.Err())
		}
	}
}

func (g *generationMarks) join(key generationKey) (mark *generationMark, first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if mark, ok := g.running[key]; ok {
		return mark, false
	}
	if g.running == nil {
		g.running = map[generationKey]*generationMark{}
	}
	mark = &generationMark{done: make(chan struct{})}
	g.running[key] = mark
	return mark, true
}

func (g *generationMarks) run(ctx context.Context, key generationKey, mark *generationMark, write func() error) error {
	mark.err = fault.ErrStorage // the result for the waiting requests if write panics
	defer func() {
		mark.abandoned = mark.err != nil && ctx.Err() != nil
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.running, key)
		close(mark.done)
	}()
	mark.err = write()
	return mark.err
}
