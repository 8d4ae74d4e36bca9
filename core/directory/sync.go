package directory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

const (
	// completeEvery is the interval at which a scheduled run lists all accounts, even if the directory can list only
	// changes.
	completeEvery = 24 * time.Hour
	// applyWorkers is the number of steps applied concurrently.
	applyWorkers = 32
	// maxFailures is the number of failed steps that a result names.
	maxFailures = 20
)

// Progress receives the progress of a plan or its application: done of all steps, where all is 0 until it is known. It
// may be nil.
type Progress func(done, all int)

func (p Progress) tell(done, all int) {
	if p != nil {
		p(done, all)
	}
}

// Result is what a synchronization did.
type Result struct {
	Digest   string
	Complete bool
	Listed   int
	Created  int
	Updated  int
	Disabled int
	Enabled  int
	Skipped  int
	Failed   int
	Failures []string // the first maxFailures failures
}

// Plan lists all accounts of the directory and returns what a synchronization would change. It changes nothing and
// requires directories.manage. An incomplete listing is an error.
func (s *Service) Plan(ctx context.Context, by domain.Principal, id domain.DirectoryID, progress Progress) (Plan,
	error,
) {
	lister, err := able[ports.Lister](s, by, id, "list its accounts")
	if err != nil {
		return Plan{}, err
	}
	return s.plan(ctx, lister, "", progress)
}

// Application identifies the plan to apply.
type Application struct {
	Digest string
	// Force applies a plan that exceeds a safety limit, for an operator who has reviewed it.
	Force    bool
	Progress Progress
}

// Apply computes the plan again and, if it still has the digest, performs exactly its steps. It returns ErrPlanChanged
// if the digest differs and ErrSafetyLimit if the plan disables too many users. It requires directories.manage.
func (s *Service) Apply(ctx context.Context, by domain.Principal, id domain.DirectoryID, a Application) (Result,
	error,
) {
	lister, err := able[ports.Lister](s, by, id, "list its accounts")
	if err != nil {
		return Result{}, err
	}
	st := s.state(id)
	st.running.Lock()
	defer st.running.Unlock()
	plan, err := s.plan(ctx, lister, "", nil)
	if err != nil {
		return Result{}, err
	}
	if plan.Digest != a.Digest {
		return Result{}, ErrPlanChanged.With("digest", plan.Digest)
	}
	if plan.SafetyLimit != "" && !a.Force {
		return Result{}, errors.Join(ErrSafetyLimit.Because(errors.New(plan.SafetyLimit)),
			s.recordSafetyLimit(ctx, by, &plan))
	}
	result, err := s.apply(ctx, by, &plan, a.Progress)
	if err != nil {
		return result, err
	}
	return result, s.storePosition(ctx, domain.SyncPosition{}, &plan, &result)
}

// RunScheduled synchronizes every directory that can list its accounts. It continues from the position of the last run
// if the directory can list changes. A run at a safety limit disables no user and performs the other steps; it is
// reported in the error, in Status and in the audit log. A run that fails is reported in the error and in Status.
func (s *Service) RunScheduled(ctx context.Context) error {
	return forEachDirectory(s, func(lister ports.Lister) error { return s.runOne(ctx, lister) })
}

// forEachDirectory calls do concurrently for each directory that implements T, so that a hung directory does not delay
// the others.
func forEachDirectory[T ports.Directory](s *Service, do func(T) error) error {
	var targets []T
	for _, d := range s.deps.Registry.All() {
		if t, ok := d.(T); ok {
			targets = append(targets, t)
		}
	}
	failures := make([]error, len(targets))
	var working sync.WaitGroup
	for i, t := range targets {
		working.Go(func() {
			defer func() {
				if p := recover(); p != nil { // the recovery of the job covers only its own goroutine
					failures[i] = fmt.Errorf("directory %s: panic: %v", t.ID(), p)
				}
			}()
			failures[i] = do(t)
		})
	}
	working.Wait()
	return errors.Join(failures...)
}

func (s *Service) runOne(ctx context.Context, lister ports.Lister) error {
	st := s.state(lister.ID())
	st.running.Lock()
	defer st.running.Unlock()
	err := s.runNext(ctx, st, lister)
	s.note(st, func(status *Status) {
		status.At = s.deps.Clock.Now()
		status.Failed = err != nil && !errors.Is(err, ErrSafetyLimit) || errors.Is(err, errUnapplied)
		if !errors.Is(err, ErrSafetyLimit) {
			status.SafetyLimit = ""
		}
	})
	return err
}

// runNext continues from the position of the last run, on any node.
func (s *Service) runNext(ctx context.Context, st *state, lister ports.Lister) error {
	position, err := s.deps.Positions.SyncPosition(ctx, lister.ID())
	if err != nil {
		return err
	}
	since := position.Next
	if age := s.deps.Clock.Now().Sub(position.CompleteAt); age < 0 || age >= completeEvery {
		since = ""
	}
	plan, err := s.plan(ctx, lister, since, nil)
	if err != nil {
		return err
	}
	if plan.SafetyLimit != "" {
		return errors.Join(s.applyHarmless(ctx, st, &plan), s.stopAtLimit(ctx, st, &plan))
	}
	result, err := s.apply(ctx, domain.System(), &plan, nil)
	if err != nil {
		return err
	}
	s.note(st, func(status *Status) { status.Result = result })
	return s.storePosition(ctx, position, &plan, &result)
}

// applyHarmless performs the steps of a plan at a safety limit that disable no user. The position stays, so that the
// others are planned again until an operator acts.
func (s *Service) applyHarmless(ctx context.Context, st *state, plan *Plan) error {
	result, err := s.apply(ctx, domain.System(), plan.harmless(), nil)
	if err != nil {
		return fmt.Errorf("%w: %w", errUnapplied, err)
	}
	s.note(st, func(status *Status) { status.Result = result })
	return nil
}

// errUnapplied is a failure at a safety limit: beside the limit, the directory or the store was unavailable.
var errUnapplied = errors.New("applying the steps that disable nobody")

// storePosition stores where the next scheduled run starts. After a failed step it keeps the position, so that the step
// is retried.
func (s *Service) storePosition(ctx context.Context, position domain.SyncPosition, plan *Plan, result *Result) error {
	if result.Failed > 0 || position.Next == plan.next && !plan.Complete {
		return nil
	}
	position.Directory, position.Next = plan.Directory, plan.next
	if plan.Complete {
		position.CompleteAt = s.deps.Clock.Now().UTC()
	}
	return s.deps.Positions.PutSyncPosition(ctx, position)
}

// stopAtLimit records that a run stopped at a safety limit, in the audit log once for each reason: later runs stop for
// the same reason until an operator acts.
func (s *Service) stopAtLimit(ctx context.Context, st *state, plan *Plan) error {
	stopAtLimit := ErrSafetyLimit.Because(errors.New("directory " + string(plan.Directory) + ": " + plan.SafetyLimit))
	if s.Status()[plan.Directory].SafetyLimit == plan.SafetyLimit {
		return stopAtLimit
	}
	if err := s.recordSafetyLimit(ctx, domain.System(), plan); err != nil {
		return err
	}
	s.note(st, func(status *Status) { status.SafetyLimit = plan.SafetyLimit })
	return stopAtLimit
}

func (s *Service) recordSafetyLimit(ctx context.Context, by domain.Principal, plan *Plan) error {
	return s.deps.AuditWriter.Write(ctx, s.deps.AuditWriter.Entry(by, domain.ActionDirectorySync, string(plan.Directory),
		audit.Failed("brake"), audit.Detail("brake", plan.SafetyLimit), audit.Detail("digest", plan.Digest)))
}

// apply performs the steps. It skips and counts a step that the rules refuse, such as disabling the last administrator.
// If the store fails, the remaining steps are not performed.
func (s *Service) apply(ctx context.Context, by domain.Principal, plan *Plan, progress Progress) (Result, error) {
	result := Result{Digest: plan.Digest, Complete: plan.Complete, Listed: plan.Listed, Skipped: plan.Count(StepSkip)}
	failure := s.applySteps(ctx, by, plan.Steps, func(done int, step *Step, err error) {
		result.count(step, err)
		progress.tell(done, len(plan.Steps))
	})
	if plan.IsEmpty() {
		return result, nil
	}
	entry := s.deps.AuditWriter.Entry(by, domain.ActionDirectorySync, string(plan.Directory),
		audit.Detail("digest", plan.Digest),
		audit.Detail("created", result.Created), audit.Detail("updated", result.Updated),
		audit.Detail("disabled", result.Disabled), audit.Detail("enabled", result.Enabled),
		audit.Detail("failed", result.Failed), audit.Detail("complete", plan.Complete))
	if failure != nil {
		entry.Success = false
	}
	return result, errors.Join(failure, s.deps.AuditWriter.Write(context.WithoutCancel(ctx), entry))
}

// applySteps performs the steps concurrently, since stores commit waiting writes together. It calls note for each step
// that was performed or refused, one call at a time. The first error that is not a refusal ends it once the running
// steps have finished.
func (s *Service) applySteps(ctx context.Context, by domain.Principal, steps []Step,
	note func(done int, step *Step, err error),
) error {
	var (
		mu      sync.Mutex
		next    int
		done    int
		failure error
		workers sync.WaitGroup
	)
	take := func() *Step {
		mu.Lock()
		defer mu.Unlock()
		if failure != nil || next == len(steps) {
			return nil
		}
		next++
		return &steps[next-1]
	}
	for range min(applyWorkers, len(steps)) {
		workers.Go(func() {
			for step := take(); step != nil; step = take() {
				err := s.applySafely(ctx, by, step)
				mu.Lock()
				if isRefusal(err) {
					done++
					note(done, step, err)
				} else {
					failure = errors.Join(failure, err)
				}
				mu.Unlock()
			}
		})
	}
	workers.Wait()
	return failure
}

// isRefusal reports whether an error concerns one step only. A nil error does too.
func isRefusal(err error) bool {
	f := fault.Of(err)
	return f == nil || (f.Kind != fault.Internal && f.Kind != fault.Unavailable)
}

func (r *Result) count(step *Step, err error) {
	switch {
	case err != nil:
		r.Failed++
		if len(r.Failures) < maxFailures {
			r.Failures = append(r.Failures, string(step.Kind)+" "+step.Username+": "+fault.Of(err).Message)
		}
	case step.Kind == StepCreate:
		r.Created++
	case step.Kind == StepUpdate:
		r.Updated++
	case step.Kind == StepDisable:
		r.Disabled++
	case step.Kind == StepEnable:
		r.Enabled++
	}
}

// applySafely converts a panic to an error. A panic in a worker goroutine would end the process, since no other code
// recovers it.
func (s *Service) applySafely(ctx context.Context, by domain.Principal, step *Step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("applying a step: panic: %v", p)
		}
	}()
	return s.applyStep(ctx, by, step)
}
