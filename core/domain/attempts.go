package domain

import (
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// The limits of attempt counting.
const (
	// accountWindow is how long a failure counts towards the lock for all sources together.
	accountWindow = 24 * time.Hour
	// familiarFor is how long a source stays familiar after a successful login.
	familiarFor = 30 * 24 * time.Hour
	// familiarStep is the minimum age of a familiar source's timestamp before a success renews it, so that most
	// successes change nothing.
	familiarStep = time.Hour
	// maxFamiliar is the maximum number of familiar sources; the one with the oldest success is removed first.
	maxFamiliar = 50
	// pendingFor is how long an attempt without a reported outcome (after a crash) stays pending; after it, it counts
	// as a failure.
	pendingFor = 30 * time.Second
	// maxKept is the maximum number of stored failures of one account; the oldest are removed first.
	maxKept = 2000
)

// Attempts counts the attempts against one account. It is one document, so that reserving an attempt is one step on
// every store: an attempt counts before the password is verified, and concurrent attempts never get more checks than
// allowed.
type Attempts struct {
	Failures    []Attempt            // from all sources, newest last
	Familiar    map[string]time.Time // sources with a successful login, and the time of the last one
	Locks       map[string]time.Time // locked sources, and the end of the lock
	LockedUntil time.Time            // lock for all sources that are not familiar
}

// Attempt is one attempt. It is pending from its reservation until its outcome is recorded, and settled once the lock
// that it led to has ended: then it counts only for the account.
type Attempt struct {
	ID      string
	Source  string
	At      time.Time
	Pending bool
	Settled bool
}

// Reservation is the result of a request for an attempt.
type Reservation int

// The results of a reservation.
const (
	AttemptGranted Reservation = iota
	AttemptLocked              // too many failures
	AttemptBusy                // the pending attempts use up the limit; one of them may soon be released
)

// Reserve reserves one attempt of the source. If the source is locked, until is the end of the lock.
func (a *Attempts) Reserve(id, source string, policy LockoutPolicy, now time.Time) (answer Reservation,
	until time.Time,
) {
	a.forget(now)
	if until := a.LockedFor(source, now); !until.IsZero() {
		return AttemptLocked, until
	}
	if until := a.overdue(source, policy, now); !until.IsZero() {
		return AttemptLocked, until
	}
	if failed, pending := a.countSource(source, policy, now); failed+pending >= policy.MaxAttempts {
		return AttemptBusy, time.Time{}
	}
	if !a.isFamiliar(source, now) && !a.hasRoom(policy) {
		return AttemptBusy, time.Time{}
	}
	a.Failures = append(a.Failures, Attempt{ID: id, Source: source, At: now, Pending: true})
	return AttemptGranted, time.Time{}
}

// Fail turns the reserved attempt into a failure and reports whether it has locked the source, or the account for
// sources that are not familiar.
func (a *Attempts) Fail(id, source string, policy LockoutPolicy, now time.Time) (locked bool) {
	for i := range a.Failures {
		if a.Failures[i].ID == id {
			a.Failures[i].Pending = false
		}
	}
	a.forget(now)
	until := now.Add(time.Duration(policy.LockoutDurationMinutes) * time.Minute)
	if failed, _ := a.countSource(source, policy, now); failed >= policy.MaxAttempts {
		if a.Locks == nil {
			a.Locks = map[string]time.Time{}
		}
		a.Locks[source] = until
		a.settle(source)
		locked = true
	}
	if failed, _ := a.countAll(); failed >= policy.AccountMaxAttempts && !now.Before(a.LockedUntil) {
		a.LockedUntil = until
		locked = true
	}
	return locked
}

// HasNoFailures reports whether a success of the source would only release its reservation: the source is familiar and
// has no counted failures.
func (a *Attempts) HasNoFailures(source string, now time.Time) bool {
	return a.isFamiliar(source, now) && a.Locks[source].IsZero() &&
		!slices.ContainsFunc(a.Failures, func(t Attempt) bool { return t.Source == source && !t.Pending })
}

// ResetSource is the Succeed of a source that owed nothing: it releases the reservation and removes the source's
// failures up to now. It may run late or twice. It does not add the source to a document that does not contain it, as
// after a purge.
func (a *Attempts) ResetSource(id, source string, now time.Time) {
	a.Failures = slices.DeleteFunc(a.Failures, func(t Attempt) bool {
		return t.ID == id || t.Source == source && !t.Pending && !t.Settled && !t.At.After(now)
	})
	if at, ok := a.Familiar[source]; ok && now.Sub(at) >= familiarStep {
		a.Familiar[source] = now
	}
}

// FailedBefore returns how many failures precede a success of the source: its own if the source is familiar, and
// otherwise those of all sources, since the source may be that of an attacker who tried from others.
func (a *Attempts) FailedBefore(source string, now time.Time) int {
	own := a.isFamiliar(source, now)
	failed := 0
	for _, t := range a.Failures {
		if !t.Pending && now.Sub(t.At) < accountWindow && (t.Source == source || !own) {
			failed++
		}
	}
	return failed
}

// Succeed resets the source's count and makes the source familiar.
func (a *Attempts) Succeed(id, source string, now time.Time) {
	a.Failures = slices.DeleteFunc(a.Failures, func(t Attempt) bool {
		return t.ID == id || t.Source == source && !t.Pending
	})
	delete(a.Locks, source)
	if a.Familiar == nil {
		a.Familiar = map[string]time.Time{}
	}
	a.Familiar[source] = now
	for len(a.Familiar) > maxFamiliar {
		delete(a.Familiar, oldest(a.Familiar))
	}
}

// Release releases the reserved attempt: it revealed nothing, as when a directory did not respond.
func (a *Attempts) Release(id string) {
	a.Failures = slices.DeleteFunc(a.Failures, func(t Attempt) bool { return t.ID == id })
}

// Unlock removes all failures and locks, and reports whether there were any.
func (a *Attempts) Unlock() bool {
	had := len(a.Failures) > 0 || len(a.Locks) > 0 || !a.LockedUntil.IsZero()
	a.Failures, a.Locks, a.LockedUntil = nil, nil, time.Time{}
	return had
}

// LockedFor returns the end of the source's lock, or the zero time if it is not locked.
func (a *Attempts) LockedFor(source string, now time.Time) time.Time {
	until := a.Locks[source]
	if !a.isFamiliar(source, now) && a.LockedUntil.After(until) {
		until = a.LockedUntil
	}
	if !now.Before(until) {
		return time.Time{}
	}
	return until
}

// LatestLock returns the latest end of the locks in force, from any source, or the zero time if no source is locked.
func (a *Attempts) LatestLock(policy LockoutPolicy, now time.Time) time.Time {
	counted := a.Clone() // counting modifies the document
	counted.forget(now)
	latest := counted.LockedUntil
	for _, until := range counted.Locks {
		latest = later(latest, until)
	}
	for _, failure := range a.Failures {
		latest = later(latest, counted.overdue(failure.Source, policy, now))
	}
	if !now.Before(latest) {
		return time.Time{}
	}
	return latest
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// KeepUntil returns the time after which the document contains nothing that counts and may be deleted.
func (a *Attempts) KeepUntil(now time.Time) time.Time {
	if len(a.Familiar) > 0 {
		return now.Add(familiarFor)
	}
	keep := now.Add(accountWindow)
	for _, until := range a.Locks {
		keep = later(keep, until)
	}
	return keep
}

// Clone returns a deep copy.
func (a *Attempts) Clone() Attempts {
	return Attempts{
		Failures: slices.Clone(a.Failures), LockedUntil: a.LockedUntil,
		Familiar: maps.Clone(a.Familiar), Locks: maps.Clone(a.Locks),
	}
}

func (a *Attempts) isFamiliar(source string, now time.Time) bool {
	at, ok := a.Familiar[source]
	return ok && now.Sub(at) < familiarFor
}

// countSource counts the attempts that count for the source's own lock.
func (a *Attempts) countSource(source string, policy LockoutPolicy, now time.Time) (failed, pending int) {
	window := time.Duration(policy.ResetWindowMinutes) * time.Minute
	for _, t := range a.Failures {
		switch {
		case t.Source != source || t.Settled:
		case t.Pending:
			pending++
		case now.Sub(t.At) < window:
			failed++
		}
	}
	return failed, pending
}

// overdue returns the end of the lock of a source that has all the failures of a lock but was not locked: the limit was
// lowered since, or the service was killed while the attempts were pending. It ends like a lock, or when enough of the
// failures are too old to count.
func (a *Attempts) overdue(source string, policy LockoutPolicy, now time.Time) time.Time {
	window := time.Duration(policy.ResetWindowMinutes) * time.Minute
	var counted []time.Time
	for _, t := range a.Failures {
		if t.Source == source && !t.Settled && !t.Pending && now.Sub(t.At) < window {
			counted = append(counted, t.At)
		}
	}
	if len(counted) < policy.MaxAttempts || len(counted) == 0 {
		return time.Time{}
	}
	slices.SortFunc(counted, time.Time.Compare)
	lock := counted[len(counted)-1].Add(time.Duration(policy.LockoutDurationMinutes) * time.Minute)
	if !now.Before(lock) {
		a.settle(source)
		return time.Time{}
	}
	if tooFew := counted[len(counted)-policy.MaxAttempts].Add(window); tooFew.Before(lock) {
		return tooFew
	}
	return lock
}

func (a *Attempts) countAll() (failed, pending int) {
	for _, t := range a.Failures {
		if t.Pending {
			pending++
		} else {
			failed++
		}
	}
	return failed, pending
}

// hasRoom reports whether one more attempt of an unfamiliar source fits under the account's limit. After a lock of the
// account has ended, one attempt at a time is allowed, and its failure locks again: the limit is for 24 hours.
func (a *Attempts) hasRoom(policy LockoutPolicy) bool {
	failed, pending := a.countAll()
	if failed >= policy.AccountMaxAttempts {
		return pending == 0
	}
	return failed+pending < policy.AccountMaxAttempts
}

func (a *Attempts) settle(source string) {
	for i := range a.Failures {
		if a.Failures[i].Source == source && !a.Failures[i].Pending {
			a.Failures[i].Settled = true
		}
	}
}

// forget removes what no longer counts: failures older than a day, expired locks, and sources without a recent success.
func (a *Attempts) forget(now time.Time) {
	for i := range a.Failures {
		if a.Failures[i].Pending && now.Sub(a.Failures[i].At) > pendingFor {
			a.Failures[i].Pending = false
		}
	}
	a.Failures = slices.DeleteFunc(a.Failures, func(t Attempt) bool { return now.Sub(t.At) >= accountWindow })
	if over := len(a.Failures) - maxKept; over > 0 {
		a.Failures = slices.Delete(a.Failures, 0, over)
	}
	maps.DeleteFunc(a.Locks, func(_ string, until time.Time) bool { return !now.Before(until) })
	maps.DeleteFunc(a.Familiar, func(_ string, at time.Time) bool { return now.Sub(at) >= familiarFor })
	if !now.Before(a.LockedUntil) {
		a.LockedUntil = time.Time{}
	}
}

func oldest(times map[string]time.Time) string {
	return slices.MinFunc(slices.Collect(maps.Keys(times)), func(a, b string) int { return times[a].Compare(times[b]) })
}

// ErrAccountLocked means that too many attempts have failed; its locked_until member is the end of the lock.
var ErrAccountLocked = fault.New(fault.Locked, "account_locked", "Account locked due to too many failed attempts")
