// Package transfer copies an installation from one store to another.
//
// It goes kind by kind and in the order of keys, so that a copy that was broken off goes on where it was. Both stores are at
// rest meanwhile: no server runs on either. What has run out is swept first and stays behind.
package transfer

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// Side is one of the two stores.
type Side struct {
	Users       ports.UserStore
	Sessions    ports.SessionStore
	Keys        ports.APIKeyStore
	Tokens      ports.ThirdPartyTokenStore
	Roles       ports.RoleStore
	Groups      ports.GroupStore
	Settings    ports.SettingsStore
	Catalog     ports.CatalogView
	Attempts    ports.AttemptStore
	Guard       ports.AdminGuard
	SigningKeys ports.SigningKeyStore
	Seals       ports.AuditSealStore
	Archive     ports.Archive
	Maintenance ports.Maintenance
}

// Progress is told how far the copy of a kind has come.
type Progress func(kind domain.ArchiveKind, done, total int64)

// Count is how many things of a kind each side has at the end.
type Count struct {
	Kind     domain.ArchiveKind
	From, To int64
}

const (
	pageSize = 200
	// atOnce is how many things are written at the same time; a broken-off copy may lack any of the last page.
	atOnce = 16
)

// ErrIncomplete tells that the copy does not hold what the original holds: the target was not empty, or somebody wrote to the
// source.
var ErrIncomplete = errors.New("the copy does not hold as much as the original; copy into an empty store, with no server on either")

// Copy copies everything and returns what it counted. Run again after it failed, it goes on. The clock tells when attempts
// are to be forgotten.
func Copy(ctx context.Context, from, to Side, clock ports.Clock, progress Progress) ([]Count, error) {
	c := &copying{from: from, to: to, clock: clock, progress: progress}
	if err := from.Maintenance.SweepExpired(ctx, clock.Now()); err != nil {
		return nil, fmt.Errorf("sweeping what has run out: %w", err)
	}
	if err := c.sealKey(ctx); err != nil {
		return nil, fmt.Errorf("copying the key of the audit log: %w", err)
	}
	if err := c.catalog(ctx); err != nil {
		return nil, fmt.Errorf("copying roles, groups and settings: %w", err)
	}
	for _, kind := range domain.ArchiveKinds {
		if err := c.kind(ctx, kind); err != nil {
			return nil, fmt.Errorf("copying %s: %w", kind, err)
		}
	}
	if err := c.secrets(ctx); err != nil {
		return nil, fmt.Errorf("copying keys: %w", err)
	}
	return c.count(ctx)
}

type copying struct {
	from, to Side
	clock    ports.Clock
	progress Progress
}

// kind walks through one kind. It begins a page before what the target holds already.
func (c *copying) kind(ctx context.Context, kind domain.ArchiveKind) error {
	total, err := c.from.Archive.ArchiveCount(ctx, kind)
	if err != nil {
		return err
	}
	done, err := c.to.Archive.ArchiveCount(ctx, kind)
	if err != nil {
		return err
	}
	after, err := c.to.Archive.ArchiveResume(ctx, kind, pageSize)
	if err != nil {
		return err
	}
	done = max(0, done-pageSize)
	for {
		page, err := c.from.Archive.ArchivePage(ctx, kind, after, pageSize)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return nil
		}
		if err := c.write(ctx, kind, page); err != nil {
			return err
		}
		after = page[len(page)-1].Key
		done += int64(len(page))
		c.progress(kind, min(done, total), total)
	}
}

func (c *copying) write(ctx context.Context, kind domain.ArchiveKind, page []domain.Archived) error {
	switch kind {
	case domain.ArchiveMessages, domain.ArchiveRates, domain.ArchiveOnce, domain.ArchiveAnswers, domain.ArchiveSegments, domain.ArchiveRecords:
		return c.to.Archive.Restore(ctx, kind, page)
	default: // goes through the ports, which keep what depends on it
	}
	failures := make([]error, len(page))
	places := make(chan int)
	var writers sync.WaitGroup
	for range atOnce {
		writers.Go(func() {
			for i := range places {
				failures[i] = c.writeOne(ctx, page[i])
			}
		})
	}
	for i := range page {
		places <- i
	}
	close(places)
	writers.Wait()
	return errors.Join(failures...)
}

// writeOne writes one thing; one that is there under the same id is passed over.
func (c *copying) writeOne(ctx context.Context, a domain.Archived) error {
	switch v := a.Value.(type) {
	case domain.User:
		err := c.to.Users.Create(ctx, v, domain.Outbox{})
		if errors.Is(err, domain.ErrUserExists) {
			return c.to.Archive.Restore(ctx, domain.ArchiveUsers, []domain.Archived{a})
		}
		return err
	case domain.Session:
		err := c.to.Sessions.Create(ctx, v)
		return unlessThere(err, fault.ErrConflict, func() error { _, err := c.to.Sessions.Get(ctx, v.ID); return err })
	case domain.APIKey:
		err := c.to.Keys.Create(ctx, v, domain.Outbox{})
		return unlessThere(err, fault.ErrConflict, func() error { _, err := c.to.Keys.Get(ctx, v.ID); return err })
	case domain.ThirdPartyToken:
		err := c.to.Tokens.Create(ctx, v, domain.Outbox{})
		return unlessThere(err, fault.ErrConflict, func() error { _, err := c.to.Tokens.Get(ctx, v.ID); return err })
	case domain.Attempts:
		return c.to.Attempts.UpdateAttempts(ctx, a.Key, c.clock.Now(), func(x *domain.Attempts, _ *domain.Outbox) error {
			*x = v.Clone()
			return nil
		})
	}
	return fmt.Errorf("a thing of type %T is not known here", a.Value)
}

// unlessThere returns nil for a conflict with the thing itself, and the conflict when it is with another.
func unlessThere(err, conflict error, get func() error) error {
	if errors.Is(err, conflict) && get() == nil {
		return nil
	}
	return err
}

// count compares both sides.
func (c *copying) count(ctx context.Context) ([]Count, error) {
	var counts []Count
	var differs error
	for _, kind := range domain.ArchiveKinds {
		from, to, err := c.countKind(ctx, kind)
		if err != nil {
			return nil, err
		}
		counts = append(counts, Count{Kind: kind, From: from, To: to})
		if from != to {
			differs = errors.Join(differs, fmt.Errorf("%d of %d %s: %w", to, from, kind, ErrIncomplete))
		}
	}
	return counts, differs
}

// countKind counts one kind on both sides. What has run out since the beginning may be gone on one of them already.
func (c *copying) countKind(ctx context.Context, kind domain.ArchiveKind) (from, to int64, err error) {
	for range 2 {
		if from, err = c.from.Archive.ArchiveCount(ctx, kind); err != nil {
			return 0, 0, err
		}
		if to, err = c.to.Archive.ArchiveCount(ctx, kind); err != nil || from == to || !kind.Expires() {
			return from, to, err
		}
		now := c.clock.Now()
		if err := errors.Join(c.from.Maintenance.SweepExpired(ctx, now), c.to.Maintenance.SweepExpired(ctx, now)); err != nil {
			return 0, 0, err
		}
	}
	return from, to, nil
}
