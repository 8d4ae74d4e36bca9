package auth

import (
	"context"
	"errors"
	"sync"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// see records that the service accepts a token of the generation, before the request that brought it goes on. After a
// generation was seen, its predecessor's refresh token gives nothing any more. Only the first token of a generation causes a
// write; a token of an older generation says nothing about the present one. A store that cannot record it fails the request.
func (s *Service) see(ctx context.Context, session *domain.Session, generation int64) error {
	if !session.Refresh.Awaits(generation) {
		return nil
	}
	return s.marks.once(ctx, generationKey{session.ID, generation}, func() error {
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

// generationKey names one generation of a session's tokens.
type generationKey struct {
	session domain.SessionID
	counter int64
}

// generationMarks lets the requests that bring the first tokens of a generation at the same time share one write. Its zero
// value is ready for use.
type generationMarks struct {
	mu      sync.Mutex
	running map[generationKey]*generationMark
}

// generationMark is one write under way. Its error may be read once done is closed.
type generationMark struct {
	done      chan struct{}
	err       error
	abandoned bool // the request that wrote was canceled: the error says nothing about the store
}

// once runs write for the key, or waits for the write that runs already and returns its error. A write that failed because
// its own request was canceled is run again by one of those who waited.
func (g *generationMarks) once(ctx context.Context, key generationKey, write func() error) error {
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
	mark.err = fault.ErrStorage // what the others get where write panics
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
