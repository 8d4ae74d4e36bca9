package domain_test

import (
	"fmt"
	"reflect"
	"strconv"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

var (
	noon   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	strict = domain.LockoutPolicy{
		MaxAttempts: 5, LockoutDurationMinutes: 30, ResetWindowMinutes: 15,
		AccountMaxAttempts: 20,
	}
)

// fail makes the source fail n times, once a second from at on, and returns how many attempts were granted.
func fail(a *domain.Attempts, source string, n int, at time.Time) (granted int) {
	for i := range n {
		id := fmt.Sprintf("%s-%d-%d", source, at.Unix(), i)
		now := at.Add(time.Duration(i) * time.Second)
		if answer, _ := a.Reserve(id, source, strict, now); answer == domain.AttemptGranted {
			granted++
			a.Fail(id, source, strict, now)
		}
	}
	return granted
}

func reserve(a *domain.Attempts, source string, at time.Time) domain.Reservation {
	c := a.Clone()
	answer, _ := c.Reserve("probe", source, strict, at)
	return answer
}

func TestLatestLockCoversAllSources(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	policy := domain.DefaultSettings().Lockout
	lock := func(minutes int) time.Time { return now.Add(time.Duration(minutes) * time.Minute) }
	var overdue []domain.Attempt // as after a crash, or since the limit was lowered
	for range policy.MaxAttempts {
		overdue = append(overdue, domain.Attempt{ID: "a", Source: "net", At: lock(-1)})
	}
	for name, tt := range map[string]struct {
		attempts domain.Attempts
		want     time.Time
	}{
		"no attempts": {domain.Attempts{}, time.Time{}},
		"a lock of one source": {
			domain.Attempts{Locks: map[string]time.Time{"a": lock(1), "b": lock(3), "c": lock(2)}},
			lock(3),
		},
		"a lock for all sources": {
			domain.Attempts{Locks: map[string]time.Time{"a": lock(1)}, LockedUntil: lock(5)},
			lock(5),
		},
		"expired locks": {
			domain.Attempts{Locks: map[string]time.Time{"a": lock(0)}, LockedUntil: lock(-1)},
			time.Time{},
		},
		"failures enough for a lock": {domain.Attempts{Failures: overdue}, lock(policy.ResetWindowMinutes - 1)},
		"one failure too few":        {domain.Attempts{Failures: overdue[1:]}, time.Time{}},
	} {
		before := tt.attempts.Clone()
		if got := tt.attempts.LatestLock(policy, now); !got.Equal(tt.want) {
			t.Errorf("%s: %v, want %v", name, got, tt.want)
		}
		if !reflect.DeepEqual(before, tt.attempts.Clone()) {
			t.Errorf("%s: LatestLock changed the document", name)
		}
	}
}

func TestFailedAttemptsLockTheSource(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		failures int
		source   string
		after    time.Duration
		want     domain.Reservation
	}{
		"one failure below the limit": {4, "a", time.Minute, domain.AttemptGranted},
		"at the limit":                {5, "a", time.Minute, domain.AttemptLocked},
		"another source":              {5, "b", time.Minute, domain.AttemptGranted},
		"at the end of the lock":      {5, "a", 30 * time.Minute, domain.AttemptLocked},
		"after the end of the lock":   {5, "a", 31 * time.Minute, domain.AttemptGranted},
		"failures outside the window": {4, "a", 16 * time.Minute, domain.AttemptGranted},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a domain.Attempts
			fail(&a, "a", test.failures, noon)
			if got := reserve(&a, test.source, noon.Add(test.after)); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

func TestPendingAttemptsCount(t *testing.T) {
	t.Parallel()
	var a domain.Attempts
	for i := range strict.MaxAttempts {
		if answer, _ := a.Reserve(strconv.Itoa(i), "a", strict, noon); answer != domain.AttemptGranted {
			t.Fatalf("attempt %d: got %v", i, answer)
		}
	}
	if got := reserve(&a, "a", noon); got != domain.AttemptBusy {
		t.Errorf("one more while all are pending: got %v, want busy", got)
	}
	a.Release("0")
	if got := reserve(&a, "a", noon); got != domain.AttemptGranted {
		t.Errorf("after one was released: got %v, want granted", got)
	}
	if got := reserve(&a, "a", noon.Add(time.Minute)); got != domain.AttemptGranted {
		t.Errorf("four attempts without outcome: got %v, want granted", got)
	}
	a.Reserve("5", "a", strict, noon)
	if got := reserve(&a, "a", noon.Add(time.Minute)); got != domain.AttemptLocked {
		t.Errorf("five attempts without outcome count as failed: got %v, want locked", got)
	}
}

func TestLoweredLimitLocksSourcesOverIt(t *testing.T) {
	t.Parallel()
	three := strict
	three.MaxAttempts = 3
	var a domain.Attempts
	fail(&a, "a", 4, noon) // at 0, 1, 2 and 3 seconds
	tests := map[string]struct {
		duration int // of a lock, in minutes
		after    time.Duration
		want     domain.Reservation
		until    time.Duration
	}{
		"until too few failures count":       {30, time.Minute, domain.AttemptLocked, 15*time.Minute + time.Second},
		"no longer than that":                {30, 15*time.Minute + time.Second, domain.AttemptGranted, 0},
		"for the duration of a shorter lock": {5, time.Minute, domain.AttemptLocked, 5*time.Minute + 3*time.Second},
		"after the shorter lock":             {5, 5*time.Minute + 3*time.Second, domain.AttemptGranted, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, policy := a.Clone(), three
			policy.LockoutDurationMinutes = test.duration
			answer, until := c.Reserve("probe", "a", policy, noon.Add(test.after))
			if answer != test.want || test.until != 0 && !until.Equal(noon.Add(test.until)) {
				t.Errorf("%v until %v", answer, until)
			}
		})
	}
}

func TestFamiliarSourcesAreNotLockedByOthers(t *testing.T) {
	t.Parallel()
	var a domain.Attempts
	a.Reserve("home", "home", strict, noon)
	a.Succeed("home", "home", noon)
	for i := range 5 {
		fail(&a, fmt.Sprintf("attacker-%d", i), 4, noon.Add(time.Duration(i)*time.Minute))
	}
	later := noon.Add(6 * time.Minute)
	if got := reserve(&a, "stranger", later); got != domain.AttemptLocked {
		t.Errorf("an unknown source: got %v, want locked", got)
	}
	if got := reserve(&a, "home", later); got != domain.AttemptGranted {
		t.Errorf("a familiar source: got %v, want granted", got)
	}
	month := noon.Add(31 * 24 * time.Hour)
	if got := reserve(&a, "stranger", month); got != domain.AttemptGranted {
		t.Errorf("a month later: got %v, want granted", got)
	}
}

func TestFirstFailureAfterAccountLockLocksAgain(t *testing.T) {
	t.Parallel()
	var a domain.Attempts
	for i := range 5 {
		fail(&a, fmt.Sprintf("attacker-%d", i), 4, noon)
	}
	over := noon.Add(40 * time.Minute)
	if granted := fail(&a, "attacker-9", 4, over); granted != 1 {
		t.Errorf("after the lock %d attempts were granted, want 1: its failure must lock again", granted)
	}
}

func TestSuccessResetsFailures(t *testing.T) {
	t.Parallel()
	var a domain.Attempts
	fail(&a, "a", 4, noon)
	a.Reserve("right", "a", strict, noon.Add(time.Minute))
	a.Succeed("right", "a", noon.Add(time.Minute))
	if granted := fail(&a, "a", 9, noon.Add(2*time.Minute)); granted != strict.MaxAttempts {
		t.Errorf("after a success %d failures were granted, want %d", granted, strict.MaxAttempts)
	}
	if !a.Unlock() || reserve(&a, "a", noon.Add(3*time.Minute)) != domain.AttemptGranted {
		t.Error("unlocking did not open the account")
	}
}

func TestOwesNothing(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		prepare func(a *domain.Attempts)
		want    bool
	}{
		"an unknown source":          {func(*domain.Attempts) {}, false},
		"a familiar source":          {func(a *domain.Attempts) { a.Succeed("x", "a", noon) }, true},
		"a later failure":            {func(a *domain.Attempts) { a.Succeed("x", "a", noon); fail(a, "a", 1, noon) }, false},
		"an expired lock":            {func(a *domain.Attempts) { a.Succeed("x", "a", noon); fail(a, "a", 5, noon) }, false},
		"failures of another source": {func(a *domain.Attempts) { a.Succeed("x", "a", noon); fail(a, "b", 5, noon) }, true},
		"a pending attempt": {func(a *domain.Attempts) {
			a.Succeed("x", "a", noon)
			a.Reserve("y", "a", strict,
				noon)
		}, true},
		"an expired familiar source": {func(a *domain.Attempts) { a.Succeed("x", "a", noon.Add(-31*24*time.Hour)) }, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var a domain.Attempts
			tt.prepare(&a)
			if got := a.HasNoFailures("a", noon.Add(time.Minute)); got != tt.want {
				t.Errorf("HasNoFailures = %t, want %t", got, tt.want)
			}
		})
	}
}

func TestResetSourceMayRunLateAndTwice(t *testing.T) {
	t.Parallel()
	var a domain.Attempts
	a.Succeed("x", "a", noon.Add(-2*time.Hour))
	a.Reserve("mine", "a", strict, noon)
	a.Reserve("other", "a", strict, noon)
	a.Fail("other", "a", strict, noon)
	success := noon.Add(time.Second)
	fail(&a, "a", 1, noon.Add(2*time.Second)) // after the success, and before it is recorded
	for range 2 {
		a.ResetSource("mine", "a", success)
		if len(a.Failures) != 1 || a.Failures[0].At.Before(success) || !a.Familiar["a"].Equal(success) {
			t.Errorf("%d failures are left, familiar since %s", len(a.Failures), a.Familiar["a"])
		}
	}
	var purged domain.Attempts
	purged.ResetSource("mine", "a", success)
	if len(purged.Familiar) > 0 {
		t.Error("ResetSource added a source to a purged document")
	}
}

func TestRateWindowIsExact(t *testing.T) {
	t.Parallel()
	rate := domain.Rate{Limit: 5, Window: time.Minute}
	var w domain.RateWindow
	allowed := 0
	for second := range 120 {
		if w.Take(rate, noon.Add(time.Duration(second)*time.Second)).Allowed {
			allowed++
		}
	}
	if allowed != 10 {
		t.Errorf("one request per second for two minutes: %d allowed, want 10", allowed)
	}
	state := w.Take(rate, noon.Add(119*time.Second))
	if state.Allowed || state.Remaining != 0 || state.Reset <= 0 || state.Reset > time.Minute {
		t.Errorf("over the limit: got %+v", state)
	}
	if off := w.Take(domain.Rate{}, noon); !off.Allowed {
		t.Error("the zero rate refused a request")
	}
}
