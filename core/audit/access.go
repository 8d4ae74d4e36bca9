package audit

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

const (
	// accessWindow is within which reads of one target by one actor, and refusals of one actor, are one entry.
	accessWindow = time.Minute
	// maxWindows bounds the memory of windows; the oldest are closed early when there are more.
	maxWindows = 10_000
)

// Access writes the entries of what happens too often to be written each time: reads of other people's records, and refusals.
// The first of a minute is written before it is answered; those that follow are counted and written as one entry. Sign-ins are
// never written this way: each has an entry of its own.
type Access struct {
	journal *Journal
	clock   ports.Clock

	mu      sync.Mutex
	windows map[windowKey]*window
}

type windowKey struct {
	action domain.Action
	actor  string
	target string
	reason string
}

// counts reports whether those that follow the first are counted, and not only left out.
func (k windowKey) counts() bool { return k.action != domain.ActionDataAccess }

type window struct {
	since time.Time
	by    domain.Principal // of the first
	more  int              // that came after the first
}

// NewAccess returns an Access that writes to the journal.
func NewAccess(journal *Journal, clock ports.Clock) *Access {
	return &Access{journal: journal, clock: clock, windows: map[windowKey]*window{}}
}

// Read notes that by read records of target: a user's id, or the name of a list. It leaves one entry a minute for each actor
// and target; a user's own records, and what the service and its operator read, leave none.
func (a *Access) Read(ctx context.Context, by domain.Principal, target string) error {
	if by.BelongsTo(domain.UserID(target)) || by.Kind == domain.PrincipalSystem || by.Kind == domain.PrincipalCLI {
		return nil
	}
	key := windowKey{action: domain.ActionDataAccess, actor: actorOf(by), target: target}
	if !a.opens(&key, by) {
		return nil
	}
	return a.first(ctx, key, a.journal.Entry(by, domain.ActionDataAccess, target))
}

// Denied notes that by was refused what, such as the route. The first refusal of an actor in a minute is an entry with what it
// was about; the others are counted, and Flush writes how many there were.
func (a *Access) Denied(ctx context.Context, by domain.Principal, what string) error {
	key := windowKey{action: domain.ActionPermissionDenied, actor: actorOf(by), reason: "forbidden"}
	if !a.opens(&key, by) {
		return nil
	}
	return a.first(ctx, key, a.journal.Entry(by, domain.ActionPermissionDenied, "", Failed(key.reason), Detail("route", what)))
}

// Refused notes that an action of by was refused for the reason, and reports whether it wrote an entry. As with Denied, the first
// such refusal of an actor, or of a source network without one, in a minute is an entry; Flush writes how many followed.
func (a *Access) Refused(ctx context.Context, by domain.Principal, action domain.Action, reason string) (written bool, err error) {
	key := windowKey{action: action, actor: actorOf(by), reason: reason}
	if !a.opens(&key, by) {
		return false, nil
	}
	return true, a.first(ctx, key, a.journal.Entry(by, action, "", Failed(reason)))
}

// first writes the entry of a window's first. When that fails there is no window: the next is the first again.
func (a *Access) first(ctx context.Context, key windowKey, entry domain.AuditEntry) error {
	err := a.journal.Write(ctx, entry)
	if err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		delete(a.windows, key)
	}
	return err
}

// opens reports whether this is the first of its window, and counts it otherwise. Where there are too many windows, refusals of
// actors without one share a window, which becomes the key.
func (a *Access) opens(key *windowKey, by domain.Principal) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	if a.isOpen(*key, now) {
		return false
	}
	if len(a.windows) >= maxWindows {
		a.drop(now)
	}
	if len(a.windows) >= maxWindows && key.counts() {
		key.actor = ""
		if a.isOpen(*key, now) {
			return false
		}
	}
	a.windows[*key] = &window{since: now, by: by}
	return true
}

// isOpen reports whether the key has an open window, and counts one more in it.
func (a *Access) isOpen(key windowKey, now time.Time) bool {
	w, ok := a.windows[key]
	if !ok || now.Sub(w.since) >= accessWindow && (w.more == 0 || !key.counts()) {
		return false
	}
	// A window that still has something to tell stays open until Flush has told it.
	w.more++
	return true
}

// drop forgets windows that are over and have nothing to tell. When none is, it forgets reads: they are written once more.
func (a *Access) drop(now time.Time) {
	for key, w := range a.windows {
		if w.more == 0 && now.Sub(w.since) >= accessWindow || !key.counts() {
			delete(a.windows, key)
		}
	}
}

// Flush writes what was counted in windows that are over; all tells that those that are not over count too, for the end of
// the process. It is run once a minute.
func (a *Access) Flush(ctx context.Context, all bool) error {
	entries, keys := a.due(all)
	if len(entries) == 0 {
		return nil
	}
	if err := a.journal.Write(ctx, entries...); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, key := range keys {
		delete(a.windows, key)
	}
	return nil
}

func (a *Access) due(all bool) (entries []domain.AuditEntry, keys []windowKey) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	for key, w := range a.windows {
		if !all && now.Sub(w.since) < accessWindow {
			continue
		}
		if !key.counts() || w.more == 0 {
			delete(a.windows, key)
			continue
		}
		keys = append(keys, key)
		entries = append(entries, a.journal.Entry(w.by, key.action, "", Failed(key.reason),
			Detail("more", w.more), Detail("since", w.since.UTC().Format(time.RFC3339))))
	}
	return entries, keys
}

// actorOf tells actors apart; nobody is told apart by address, or a flood would be.
func actorOf(by domain.Principal) string {
	if actor := by.Actor(); actor != "" {
		return actor
	}
	return by.Origin.Network()
}
