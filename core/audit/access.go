package audit

import (
	"context"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// accessWindow is within which reads of one target by one actor, and refusals of one actor, are one entry.
	accessWindow = time.Minute
	// maxWindows bounds the memory of windows.
	maxWindows = 10_000
	// dropEvery bounds how often all windows are looked through when there are as many.
	dropEvery = time.Second
)

// Access writes the entries of what happens too often to be written each time: reads of other people's records, and refusals.
// The first of a minute is written before it is answered; those that follow are counted and written as one entry. Sign-ins are
// never written this way: each has an entry of its own.
type Access struct {
	journal *Journal
	clock   ports.Clock

	mu      sync.Mutex
	windows map[windowKey]*window
	dropped time.Time // when windows were last looked through for some to forget
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
	since   time.Time
	by      domain.Principal // of the first
	more    int              // that came after the first
	written chan struct{}    // closed once the first has its entry, or cannot have it
	err     error            // why it has none; to be read once written is closed
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
	_, err := a.note(ctx, windowKey{action: domain.ActionDataAccess, actor: actorOf(by), target: target}, by, func() domain.AuditEntry {
		return a.journal.Entry(by, domain.ActionDataAccess, target)
	})
	return err
}

// Denied notes that by was refused what, such as the route. The first refusal of an actor in a minute is an entry with what it
// was about; the others are counted, and Flush writes how many there were.
func (a *Access) Denied(ctx context.Context, by domain.Principal, what string) error {
	key := windowKey{action: domain.ActionPermissionDenied, actor: actorOf(by), reason: "forbidden"}
	_, err := a.note(ctx, key, by, func() domain.AuditEntry {
		return a.journal.Entry(by, domain.ActionPermissionDenied, "", Failed(key.reason), Detail("route", what))
	})
	return err
}

// Refused notes that an action of by was refused for the reason, and reports whether it wrote an entry. As with Denied, the first
// such refusal of an actor, or of a source network without one, in a minute is an entry; Flush writes how many followed.
func (a *Access) Refused(ctx context.Context, by domain.Principal, action domain.Action, reason string) (written bool, err error) {
	return a.note(ctx, windowKey{action: action, actor: actorOf(by), reason: reason}, by, func() domain.AuditEntry {
		return a.journal.Entry(by, action, "", Failed(reason))
	})
}

// note writes the entry if it is the first of its window. It counts the others, which return once the first has its entry: the
// log then tells of each that was answered. When the entry cannot be written there is no window, and the next is the first again.
func (a *Access) note(ctx context.Context, key windowKey, by domain.Principal, entry func() domain.AuditEntry) (written bool, err error) {
	key, w, first := a.open(key, by)
	if !first {
		<-w.written
		return false, w.err
	}
	defer close(w.written)
	w.err = fault.ErrInternal // of a panic
	if w.err = a.journal.Write(ctx, entry()); w.err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.windows[key] == w {
			delete(a.windows, key)
		}
	}
	return true, w.err
}

// open returns the window of what is noted, and its key, and reports whether it is the first there; others are counted. Where
// there are too many windows, all refusals of an action for a reason share one.
func (a *Access) open(key windowKey, by domain.Principal) (windowKey, *window, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	now := a.clock.Now()
	if w := a.counted(key, now); w != nil {
		return key, w, false
	}
	if len(a.windows) >= maxWindows && now.Sub(a.dropped) >= dropEvery {
		a.drop(now)
	}
	if len(a.windows) >= maxWindows && key.counts() {
		key.actor = ""
		if w := a.counted(key, now); w != nil {
			return key, w, false
		}
	}
	w := &window{since: now, by: by, written: make(chan struct{})}
	a.windows[key] = w
	return key, w, true
}

// counted returns the key's open window, with one more counted in it; nil when there is none.
func (a *Access) counted(key windowKey, now time.Time) *window {
	w, ok := a.windows[key]
	if !ok || now.Sub(w.since) >= accessWindow && (w.more == 0 || !key.counts()) {
		return nil
	}
	// A window that still has something to tell stays open until Flush has told it.
	w.more++
	return w
}

// drop forgets windows that are over and have nothing to tell. When none is, it forgets reads: they are written once more.
func (a *Access) drop(now time.Time) {
	a.dropped = now
	for key, w := range a.windows {
		if w.more == 0 && now.Sub(w.since) >= accessWindow || !key.counts() {
			delete(a.windows, key)
		}
	}
}

// Flush writes what was counted in windows that are over; all tells that those that are not over count too, for the end of
// the process. It is run once a minute.
func (a *Access) Flush(ctx context.Context, all bool) error {
	due := a.takeDue(all)
	if len(due) == 0 {
		return nil
	}
	var entries []domain.AuditEntry
	for key, w := range due {
		by := w.by
		if key.actor == "" {
			by = domain.Anonymous(domain.Origin{}) // those of many: the first is not to be blamed for them
		}
		entries = append(entries, a.journal.Entry(by, key.action, "", Failed(key.reason),
			Detail("more", w.more), Detail("since", w.since.UTC().Format(time.RFC3339))))
	}
	if err := a.journal.Write(ctx, entries...); err != nil {
		a.putBack(due)
		return err
	}
	return nil
}

// takeDue closes the windows that are over, and returns those that have something to tell.
func (a *Access) takeDue(all bool) map[windowKey]*window {
	a.mu.Lock()
	defer a.mu.Unlock()
	now, due := a.clock.Now(), map[windowKey]*window{}
	for key, w := range a.windows {
		if !all && now.Sub(w.since) < accessWindow {
			continue
		}
		delete(a.windows, key)
		if key.counts() && w.more > 0 {
			due[key] = w
		}
	}
	return due
}

// putBack opens windows again whose numbers could not be written, or adds them to those that were opened since.
func (a *Access) putBack(due map[windowKey]*window) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for key, w := range due {
		if later, ok := a.windows[key]; ok {
			later.more += w.more
			later.since = w.since
			continue
		}
		a.windows[key] = w
	}
}

// actorOf tells actors apart; nobody is told apart by address, or a flood would be.
func actorOf(by domain.Principal) string {
	if actor := by.Actor(); actor != "" {
		return actor
	}
	return by.Origin.Network()
}
