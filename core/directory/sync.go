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
	// completeEvery is how often a scheduled run looks at everybody, even where the directory tells what changed.
	completeEvery = 24 * time.Hour
	// applyWorkers is how many steps are applied at once.
	applyWorkers = 32
	// maxFailures is how many failed steps a result names.
	maxFailures = 20
)

// Progress is told how far a plan or its application is: done of all, where all is 0 as long as it is not known. It may be nil.
type Progress func(done, all int)

func (p Progress) tell(done, all int) {
	if p != nil {
		p(done, all)
	}
}

// Result is what a synchronization did.
type Result struct {
	Digest   string   `json:"digest"`
	Complete bool     `json:"complete"`
	Listed   int      `json:"listed"`
	Created  int      `json:"created"`
	Updated  int      `json:"updated"`
	Disabled int      `json:"disabled"`
	Enabled  int      `json:"enabled"`
	Skipped  int      `json:"skipped"`
	Failed   int      `json:"failed"`
	Failures []string `json:"failures,omitempty"` // the first of them, in words
}

// Plan looks at everybody in the directory and returns what a synchronization would change. It changes nothing and takes
// directories.manage. An answer of the directory that is not whole is an error.
func (s *Service) Plan(ctx context.Context, by domain.Principal, id domain.DirectoryID, progress Progress) (Plan, error) {
	lister, err := able[ports.Lister](s, by, id, "list its people")
	if err != nil {
		return Plan{}, err
	}
	return s.plan(ctx, lister, "", progress)
}

// Application says which plan is applied.
type Application struct {
	Digest string
	// Force applies a plan although it stands at the brake, for an operator who has looked at it.
	Force    bool
	Progress Progress
}

// Apply makes the plan anew and, where it still has the digest, does exactly what it says. Another digest is ErrPlanChanged, a
// plan that disables too many ErrBrake. It takes directories.manage.
func (s *Service) Apply(ctx context.Context, by domain.Principal, id domain.DirectoryID, a Application) (Result, error) {
	lister, err := able[ports.Lister](s, by, id, "list its people")
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
	if plan.Brake != "" && !a.Force {
		return Result{}, errors.Join(ErrBrake.Because(errors.New(plan.Brake)), s.recordBrake(ctx, by, &plan))
	}
	result, err := s.apply(ctx, by, &plan, a.Progress)
	if err != nil {
		return result, err
	}
	return result, s.moveOn(ctx, domain.SyncPosition{}, &plan, &result)
}

// RunScheduled synchronizes every directory that can list its people, from where its last run ended where the directory tells what
// changed. What stops at a brake or fails is in the error, in Status and, for a brake, in the audit trail.
func (s *Service) RunScheduled(ctx context.Context) error {
	return eachAlone(s, func(lister ports.Lister) error { return s.runOne(ctx, lister) })
}

// eachAlone does something with each directory that is able to, with all at once: one that hangs takes no time from the others.
func eachAlone[T ports.Directory](s *Service, do func(T) error) error {
	var able []T
	for _, d := range s.needs.Registry.All() {
		if t, ok := d.(T); ok {
			able = append(able, t)
		}
	}
	failures := make([]error, len(able))
	var working sync.WaitGroup
	for i, t := range able {
		working.Go(func() {
			defer func() {
				if p := recover(); p != nil { // the job's own recovery sees its goroutine alone
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
		status.At = s.needs.Clock.Now()
		status.Failed = err != nil && !errors.Is(err, ErrBrake)
		if !errors.Is(err, ErrBrake) {
			status.Brake = ""
		}
	})
	return err
}

// runNext goes on where the last run ended, on whichever node that was.
func (s *Service) runNext(ctx context.Context, st *state, lister ports.Lister) error {
	position, err := s.needs.Positions.SyncPosition(ctx, lister.ID())
	if err != nil {
		return err
	}
	since := position.Next
	if age := s.needs.Clock.Now().Sub(position.CompleteAt); age < 0 || age >= completeEvery {
		since = ""
	}
	plan, err := s.plan(ctx, lister, since, nil)
	if err != nil {
		return err
	}
	if plan.Brake != "" {
		return s.stopped(ctx, st, &plan)
	}
	result, err := s.apply(ctx, domain.System(), &plan, nil)
	if err != nil {
		return err
	}
	s.note(st, func(status *Status) { status.Result = result })
	return s.moveOn(ctx, position, &plan, &result)
}

// moveOn keeps where the next scheduled run begins. After a failed step that is where this one did, so that it is tried again.
func (s *Service) moveOn(ctx context.Context, position domain.SyncPosition, plan *Plan, result *Result) error {
	if result.Failed > 0 || position.Next == plan.next && !plan.Complete {
		return nil
	}
	position.Directory, position.Next = plan.Directory, plan.next
	if plan.Complete {
		position.CompleteAt = s.needs.Clock.Now().UTC()
	}
	return s.needs.Positions.PutSyncPosition(ctx, position)
}

// stopped notes a brake, in the audit trail once for each reason: it stands at the same one until somebody looks.
func (s *Service) stopped(ctx context.Context, st *state, plan *Plan) error {
	stopped := ErrBrake.Because(errors.New("directory " + string(plan.Directory) + ": " + plan.Brake))
	if s.Status()[plan.Directory].Brake == plan.Brake {
		return stopped
	}
	if err := s.recordBrake(ctx, domain.System(), plan); err != nil {
		return err
	}
	s.note(st, func(status *Status) { status.Brake = plan.Brake })
	return stopped
}

func (s *Service) recordBrake(ctx context.Context, by domain.Principal, plan *Plan) error {
	return s.needs.Journal.Write(ctx, s.needs.Journal.Entry(by, domain.ActionDirectorySync, string(plan.Directory),
		audit.Failed("brake"), audit.Detail("brake", plan.Brake), audit.Detail("digest", plan.Digest)))
}

// apply does the steps. One that the rules refuse, such as the last administrator's, is left and counted; when the store
// fails the rest is left.
func (s *Service) apply(ctx context.Context, by domain.Principal, plan *Plan, progress Progress) (Result, error) {
	result := Result{Digest: plan.Digest, Complete: plan.Complete, Listed: plan.Listed, Skipped: plan.Count(StepSkip)}
	failure := s.applySteps(ctx, by, plan.Steps, func(done int, step *Step, err error) {
		result.count(step, err)
		progress.tell(done, len(plan.Steps))
	})
	if plan.IsEmpty() {
		return result, nil
	}
	entry := s.needs.Journal.Entry(by, domain.ActionDirectorySync, string(plan.Directory), audit.Detail("digest", plan.Digest),
		audit.Detail("created", result.Created), audit.Detail("updated", result.Updated), audit.Detail("disabled", result.Disabled), audit.Detail("enabled", result.Enabled),
		audit.Detail("failed", result.Failed), audit.Detail("complete", plan.Complete))
	if failure != nil {
		entry.Success = false
	}
	return result, errors.Join(failure, s.needs.Journal.Write(context.WithoutCancel(ctx), entry))
}

// applySteps does the steps, several at once: stores put writes that wait together on disk together. note hears of each that
// was done or refused, one at a time. The first error that is no refusal ends it, once the steps under way are done.
func (s *Service) applySteps(ctx context.Context, by domain.Principal, steps []Step, note func(done int, step *Step, err error)) error {
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

// isRefusal reports whether an error, or none, is about one step alone.
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

// applySafely makes a failure of a panic, which would end the process: the workers' goroutines are nobody else's.
func (s *Service) applySafely(ctx context.Context, by domain.Principal, step *Step) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("applying a step: panic: %v", p)
		}
	}()
	return s.applyStep(ctx, by, step)
}

func (s *Service) applyStep(ctx context.Context, by domain.Principal, step *Step) error {
	switch step.Kind {
	case StepCreate:
		_, err := s.needs.Provisioner.Provision(ctx, by, step.identity, true)
		return err
	case StepUpdate:
		user, err := s.needs.Users.Get(ctx, step.UserID)
		if err != nil {
			return err
		}
		_, err = s.needs.Provisioner.Refresh(ctx, by, user, step.identity)
		return err
	case StepDisable:
		return s.disable(ctx, by, step)
	case StepEnable:
		return s.enable(ctx, by, step)
	default:
		return nil
	}
}

func (s *Service) disable(ctx context.Context, by domain.Principal, step *Step) error {
	_, err := s.needs.Access.UpdateUser(ctx, step.UserID, func(u *domain.User, out *domain.Outbox) error {
		if u.Status == domain.StatusDeactivated || u.Subject != step.Subject {
			return domain.ErrUnchanged
		}
		ended := len(u.Sessions)
		u.Deactivate(s.needs.Clock.Now().UTC())
		u.DeactivatedBySync = true
		out.Record(s.needs.Journal.Entry(by, domain.ActionUserDeactivate, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("reason", step.Reason), audit.Detail("sessions_ended", ended)))
		return nil
	})
	return err
}

// enable activates somebody whom a synchronization has disabled, unless somebody else has said meanwhile that they stay so.
func (s *Service) enable(ctx context.Context, by domain.Principal, step *Step) error {
	user, err := s.needs.Access.UpdateUser(ctx, step.UserID, func(u *domain.User, out *domain.Outbox) error {
		if u.Status != domain.StatusDeactivated || !u.DeactivatedBySync || u.Subject != step.Subject {
			return domain.ErrUnchanged
		}
		u.Activate()
		u.UpdatedAt = s.needs.Clock.Now().UTC()
		out.Record(s.needs.Journal.Entry(by, domain.ActionUserActivate, string(u.ID),
			audit.Detail("source", "directory:"+string(u.Directory)), audit.Detail("reason", step.Reason)))
		return nil
	})
	if err != nil || user.Status != domain.StatusActive {
		return err
	}
	_, err = s.needs.Provisioner.Refresh(ctx, by, user, step.identity)
	return err
}
