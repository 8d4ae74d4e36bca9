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
	// accessWindow is the time within which reads of one target by one actor, or refusals of one actor, share one
	// entry.
	accessWindow = time.Minute
	// maxWindows limits the memory of windows.
	maxWindows = 10_000
	// dropEvery limits how often all windows are scanned while the map is full.
	dropEvery = time.Second
)

// Access writes audit entries for frequent events: reads of other people's records, and refusals. The first event of
// a minute is written before its response; later ones are counted and written as one entry. Sign-ins are never
// aggregated: each has an entry of its own.
type Access struct {
	auditWriter *Writer
	clock       ports.Clock

	mu      sync.Mutex
	windows map[windowKey]*window
	dropped time.Time // time of the last scan for windows to delete
}

type windowKey struct {
	action domain.Action
	actor  string
	target string
	reason string
}

// counts reports whether events after the first are counted instead of ignored.
func (k windowKey) counts() bool { return k.action != domain.ActionDataAccess }

type window struct {
	since   time.Time
	by      domain.Principal // of the first event
	more    int              // events after the first
	written chan struct{}    // closed when the first event has its entry, or its write has failed
	err     error            // of the write; valid when written is closed
}

// NewAccess returns an Access that writes to the auditWriter.
func NewAccess(auditWriter *Writer, clock ports.Clock) *Access {
	return &Access{auditWriter: auditWriter, clock: clock, windows: map[windowKey]*window{}}
}

// Read records that by read records of target, a user's id or the name of a list. It writes one entry a minute for
// each actor and target. Reads of one's own records, and reads of the service and its operator, write none.
func (a *Access) Read(ctx context.Context, by domain.Principal, target string) error {
	if by.BelongsTo(domain.UserID(target)) || by.Kind == domain.PrincipalSystem || by.Kind == domain.PrincipalCLI {
		return nil
	}
	return a.note(windowKey{action: domain.ActionDataAccess, target: target}, by, a.writeFirst(ctx))
}

// Denied records that by was refused what, such as the route. The first refusal of an actor in a minute is written as
// an entry with its subject; later ones are counted, and Flush writes their number.
func (a *Access) Denied(ctx context.Context, by domain.Principal, what string) error {
	key := windowKey{action: domain.ActionPermissionDenied, reason: "forbidden"}
	return a.note(key, by, a.writeFirst(ctx), Failed(key.reason), Detail("route", what))
}

// Refused records that an action of by was refused for the reason. As with Denied, the first refusal in a minute of an
// actor, or of a source network without an actor, has an entry, and Flush writes how many followed. It calls write for
// each refusal, to store the entry with other records of the refusal; the entry of a refusal that is only counted is
// nil.
func (a *Access) Refused(by domain.Principal, action domain.Action, reason string,
	write func(entry *domain.AuditEntry) error,
) error {
	return a.note(windowKey{action: action, reason: reason}, by, write, Failed(reason))
}

// writeFirst writes the entries of first events.
func (a *Access) writeFirst(ctx context.Context) func(*domain.AuditEntry) error {
	return func(entry *domain.AuditEntry) error {
		if entry == nil {
			return nil
		}
		return a.auditWriter.Write(ctx, *entry)
	}
}

// note calls write with the entry of an event that is the first of its window. Later events are counted, and call
// write when the first has its entry, so that the audit log covers every event that got a response. If the entry
// cannot be written, the window is deleted, and the next event is the first again.
func (a *Access) note(key windowKey, by domain.Principal, write func(*domain.AuditEntry) error,
	options ...Option,
) error {
	key.actor = actorOf(by)
	key, w, first := a.open(key, by)
	if !first {
		if <-w.written; w.err != nil {
			return w.err
		}
		return write(nil)
	}
	defer close(w.written)
	w.err = fault.ErrInternal // in case of a panic
	entry := a.auditWriter.Entry(by, key.action, key.target, options...)
	if w.err = write(&entry); w.err != nil {
		a.mu.Lock()
		defer a.mu.Unlock()
		if a.windows[key] == w {
			delete(a.windows, key)
		}
	}
	return w.err
}

// open returns the event's window and key, and reports whether the event is the first of the window. Later events are
// counted. When the map is full, all refusals of an action for a reason share one window.
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

// counted counts an event in the key's open window and returns the window, or nil if there is none.
func (a *Access) counted(key windowKey, now time.Time) *window {
	w, ok := a.windows[key]
	if !ok || now.Sub(w.since) >= accessWindow && (w.more == 0 || !key.counts()) {
		return nil
	}
	// A window with a count stays open until Flush has written it.
	w.more++
	return w
}

// drop deletes expired windows without a count. It also deletes windows of reads, whose next event is then written
// again.
func (a *Access) drop(now time.Time) {
	a.dropped = now
	for key, w := range a.windows {
		if w.more == 0 && now.Sub(w.since) >= accessWindow || !key.counts() {
			delete(a.windows, key)
		}
	}
}

// Flush writes the counts of expired windows, or with all those of all windows, for the end of the process. It runs
// once a minute.
func (a *Access) Flush(ctx context.Context, all bool) error {
	due := a.takeDue(all)
	if len(due) == 0 {
		return nil
	}
	var entries []domain.AuditEntry
	for key, w := range due {
		by := w.by
		if key.actor == "" {
			by = domain.Anonymous(domain.Origin{}) // of many actors: the entry must not name the first
		}
		entries = append(entries, a.auditWriter.Entry(by, key.action, "", Failed(key.reason),
			Detail("more", w.more), Detail("since", w.since.UTC().Format(time.RFC3339))))
	}
	if err := a.auditWriter.Write(ctx, entries...); err != nil {
		a.putBack(due)
		return err
	}
	return nil
}

// takeDue closes the expired windows and returns those with a count.
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

// putBack restores windows whose counts could not be written, or adds their counts to the windows opened since.
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

// actorOf returns the key of an actor. An anonymous one is identified by its network, since one per address would not
// stop a flood.
func actorOf(by domain.Principal) string {
	if actor := by.Actor(); actor != "" {
		return actor
	}
	return by.Origin.Network()
}
