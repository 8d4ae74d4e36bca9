// Package transfer copies an installation from one store to another.
//
// It copies kind by kind, in key order, so that an interrupted copy can be resumed. No server runs on either store
// meanwhile. Expired records are swept first and not copied.
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

// Progress is called with the progress of the copy of a kind.
type Progress func(kind domain.ArchiveKind, done, total int64)

// Count is the number of records of a kind on each side at the end.
type Count struct {
	Kind     domain.ArchiveKind
	From, To int64
}

const (
	pageSize = 200
	// atOnce is the number of concurrent writes. An interrupted copy may lack any record of the last page.
	atOnce = 16
)

// ErrIncomplete reports that the copy differs from the original: the target was not empty, or the source was written
// to.
var ErrIncomplete = errors.New(
	"the copy does not hold as much as the original; copy into an empty store, with no server on either")

// Copy copies everything and returns the counts. After a failure it can be run again and resumes. The clock decides
// which attempts have expired.
func Copy(ctx context.Context, from, to ports.Storage, clock ports.Clock, progress Progress) ([]Count, error) {
	c := &copying{from: from, to: to, clock: clock, progress: progress}
	if err := from.Maintenance.SweepExpired(ctx, clock.Now()); err != nil {
		return nil, fmt.Errorf("sweeping expired records: %w", err)
	}
	if err := from.Proofs.RemoveCut(ctx, nil); err != nil {
		return nil, fmt.Errorf("removing entries before the cut of the audit log: %w", err)
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
	from, to ports.Storage
	clock    ports.Clock
	progress Progress
}

// kind copies one kind. It begins one page before the end of what the target already has.
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
	case domain.ArchiveAttempts, domain.ArchiveMessages, domain.ArchiveRates, domain.ArchiveOnce, domain.ArchiveAnswers,
		domain.ArchiveSegments, domain.ArchiveRecords:
		return c.to.Archive.Restore(ctx, kind, page)
	default: // written through the ports, which maintain dependent data
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

// writeOne writes one record. A record that exists under the same id is skipped.
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
		return unlessThere(err, func() error { _, err := c.to.Sessions.Get(ctx, v.ID); return err })
	case domain.APIKey:
		err := c.to.Keys.Create(ctx, v, domain.Outbox{})
		return unlessThere(err, func() error { _, err := c.to.Keys.Get(ctx, v.ID); return err })
	case domain.ThirdPartyToken:
		err := c.to.Tokens.Create(ctx, v, domain.Outbox{})
		return unlessThere(err, func() error { _, err := c.to.Tokens.Get(ctx, v.ID); return err })
	}
	return fmt.Errorf("unknown record type %T", a.Value)
}

// unlessThere returns nil if the conflict is with the record itself, and the conflict otherwise.
func unlessThere(err error, get func() error) error {
	if errors.Is(err, fault.ErrConflict) && get() == nil {
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

// countKind counts one kind on both sides. A record that has expired meanwhile may already be missing on one of them.
func (c *copying) countKind(ctx context.Context, kind domain.ArchiveKind) (from, to int64, err error) {
	for range 2 {
		if from, err = c.from.Archive.ArchiveCount(ctx, kind); err != nil {
			return 0, 0, err
		}
		if to, err = c.to.Archive.ArchiveCount(ctx, kind); err != nil || from == to || !kind.Expires() {
			return from, to, err
		}
		now := c.clock.Now()
		if err := errors.Join(c.from.Maintenance.SweepExpired(ctx, now),
			c.to.Maintenance.SweepExpired(ctx, now)); err != nil {
			return 0, 0, err
		}
	}
	return from, to, nil
}
