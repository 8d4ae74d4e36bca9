package domain

import (
	"maps"
	"slices"
	"time"

	"github.com/ostiary/ostiary/core/fault"
)

// The bounds of attempt counting.
const (
	// accountWindow is how long a failure counts towards the lock for all sources together.
	accountWindow = 24 * time.Hour
	// familiarFor is how long a source stays familiar after it has signed in.
	familiarFor = 30 * 24 * time.Hour
	// familiarStep is how old the note of a familiar source may grow before one more success renews it: most change nothing.
	familiarStep = time.Hour
	// maxFamiliar is how many familiar sources are remembered; the one that was away longest goes first.
	maxFamiliar = 50
	// pendingFor is how long an attempt whose end was never told (a crash) may be under way; after it, it is a failure.
	pendingFor = 30 * time.Second
	// maxKept is how many failures one account keeps at the most; the oldest go first.
	maxKept = 2000
)

// Attempts counts what was tried against one account. It is one document, so that reserving an attempt is one step on
// every store: an attempt counts before the password is checked, and N racing guesses never get more checks than allowed.
type Attempts struct {
	Failures    []Attempt            // of every source, newest last
	Familiar    map[string]time.Time // sources that have signed in, and when last
	Locks       map[string]time.Time // sources that are locked, and until when
	LockedUntil time.Time            // for every source that is not familiar
}

// Attempt is one try. It is pending from its reservation until its end is told, and settled once the lock that it led to
// is over: then it counts for the account alone.
type Attempt struct {
	ID      string
	Source  string
	At      time.Time
	Pending bool
	Settled bool
}

// Reservation is the answer to a request for an attempt.
type Reservation int

// The answers.
const (
	AttemptGranted Reservation = iota
	AttemptLocked              // too many failures
	AttemptBusy                // as many under way as are left; one of them may give its place back in a moment
)

// Reserve asks for one attempt of the source. When it is locked, until tells when that ends.
func (a *Attempts) Reserve(id, source string, policy LockoutPolicy, now time.Time) (answer Reservation, until time.Time) {
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

// Fail turns the reserved attempt into a failure and reports whether it has locked the source, or the account for the
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

// OwesNothing reports whether a success of the source would do no more than take its reservation back: nothing is counted
// against the source, and it is familiar.
func (a *Attempts) OwesNothing(source string, now time.Time) bool {
	return a.isFamiliar(source, now) && a.Locks[source].IsZero() &&
		!slices.ContainsFunc(a.Failures, func(t Attempt) bool { return t.Source == source && !t.Pending })
}

// Excuse is Succeed of a source that owed nothing: it takes the reservation back with what the source has failed at until now. It
// may come late or twice. A document that knows nothing of the source, as after a purge, learns nothing of it.
func (a *Attempts) Excuse(id, source string, now time.Time) {
	a.Failures = slices.DeleteFunc(a.Failures, func(t Attempt) bool {
		return t.ID == id || t.Source == source && !t.Pending && !t.Settled && !t.At.After(now)
	})
	if at, ok := a.Familiar[source]; ok && now.Sub(at) >= familiarStep {
		a.Familiar[source] = now
	}
}

// FailedBefore returns how many failures a success of the source comes after: its own where it has signed in before, else
// those of every source, since it may be the one that guessed from elsewhere.
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

// GiveBack takes the reserved attempt back: nothing was learnt from it, as when a directory did not answer.
func (a *Attempts) GiveBack(id string) {
	a.Failures = slices.DeleteFunc(a.Failures, func(t Attempt) bool { return t.ID == id })
}

// Unlock forgets all failures and locks, and reports whether there were any.
func (a *Attempts) Unlock() bool {
	had := len(a.Failures) > 0 || len(a.Locks) > 0 || !a.LockedUntil.IsZero()
	a.Failures, a.Locks, a.LockedUntil = nil, nil, time.Time{}
	return had
}

// LockedFor returns until when the source is locked; zero when it is not.
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

// LatestLock returns the latest end of the locks in force, of any source; zero when no source is locked.
func (a *Attempts) LatestLock(policy LockoutPolicy, now time.Time) time.Time {
	counted := a.Clone() // counting settles and forgets
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

// KeepUntil returns when the document holds nothing that counts any more and may be swept.
func (a *Attempts) KeepUntil(now time.Time) time.Time {
	if len(a.Familiar) > 0 {
		return now.Add(familiarFor)
	}
	keep := now.Add(accountWindow)
	for _, until := range a.Locks {
		if until.After(keep) {
			keep = until
		}
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

// countSource counts what still counts for the source's own lock.
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

// overdue returns until when a source is locked that has all the failures of a lock and got none: the limit was lowered since,
// or the service was killed while they were under way. That ends like a lock, or when enough of them are too old to count.
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

// hasRoom reports whether one more attempt of an unfamiliar source fits under the account's cap. Once a lock of the account
// is over, one attempt at a time goes through, and its failure locks again: the cap is for 24 hours.
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

// forget drops what no longer counts: failures of more than a day ago, locks that are over, sources long not seen.
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
	var name string
	for n, at := range times {
		if name == "" || at.Before(times[name]) {
			name = n
		}
	}
	return name
}

// ErrAccountLocked tells that too many attempts have failed; its locked_until member says when the next one counts.
var ErrAccountLocked = fault.New(fault.Locked, "account_locked", "Account locked due to too many failed attempts")
