package directory

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/lockout"
	"github.com/ostiary/ostiary/ports"
)

// The errors of operations on directories.
var (
	// ErrNoDirectory is returned for a directory ID that is not configured.
	ErrNoDirectory = fault.New(fault.NotFound, "not_found", "There is no such directory")
	// ErrNotAble is returned if the directory's type or settings do not support the operation.
	ErrNotAble = fault.New(fault.Conflict, "conflict", "This directory cannot do that")
	// ErrPlanChanged is returned if the current plan does not have the given digest.
	ErrPlanChanged = fault.New(fault.Conflict, "plan_changed",
		"The directory or the users have changed since that plan was made: look at the new one")
	// ErrSafetyLimit is returned for a synchronization that stopped before any change because it exceeded a safety limit.
	ErrSafetyLimit = fault.New(fault.Conflict, "sync_safety_limit", "The synchronization stopped at its safety limit")
)

// Service synchronizes directories with users, ends the sessions of users disabled in a directory, and diagnoses
// directories for operators.
type Service struct {
	deps    ServiceDeps
	lockout *lockout.Lockout

	mu     sync.Mutex
	states map[domain.DirectoryID]*state
}

// ServiceDeps holds the dependencies of a Service.
type ServiceDeps struct {
	Registry    *Registry
	Provisioner *Provisioner
	Users       ports.UserStore
	Access      *access.Service
	AuditWriter *audit.Writer
	Clock       ports.Clock
	CaseFolder  ports.CaseFolder
	Positions   ports.SyncPositionStore
	Limits      ports.RateLimiter
	Attempts    ports.AttemptStore
	IDs         ports.IDs
	// MaxDisablePercent is the percentage of a directory's active users that a synchronization may disable.
	MaxDisablePercent int
	// MaxDisableUsers is the number of users that a synchronization may disable whatever the percentage, up to half of
	// the directory's users: in a small directory one user exceeds any percentage.
	MaxDisableUsers int
}

// NewService returns a Service.
func NewService(n ServiceDeps) *Service {
	return &Service{
		deps: n, lockout: lockout.New(n.Attempts, n.IDs, n.Clock), states: map[domain.DirectoryID]*state{},
	}
}

// state is the in-memory state of a directory between runs of one process.
type state struct {
	running sync.Mutex // one run at a time
	status  Status
}

// Status is the result of the last scheduled runs of a directory.
type Status struct {
	At          time.Time // zero before the first run
	Result      Result
	SafetyLimit string // safety limit at which the last run stopped; empty if it did not
	Failed      bool   // the directory or the store was unavailable
}

// Numbers returns the results of the last scheduled run of each directory, for metrics.
func (s *Service) Numbers() map[domain.DirectoryID]domain.SyncStatus {
	all := map[domain.DirectoryID]domain.SyncStatus{}
	for id, st := range s.Status() {
		if st.At.IsZero() {
			continue
		}
		all[id] = domain.SyncStatus{
			At: st.At, SafetyLimitHit: st.SafetyLimit != "", Unavailable: st.Failed, Created: st.Result.Created,
			Updated:  st.Result.Updated,
			Disabled: st.Result.Disabled, Enabled: st.Result.Enabled, Failed: st.Result.Failed,
		}
	}
	return all
}

// LockoutAdvice returns a sentence for each directory that locks accounts before this service stops sending it
// passwords. A directory whose threshold cannot be read has none.
func (s *Service) LockoutAdvice(ctx context.Context) ([]string, error) {
	var advice []string
	for _, d := range s.deps.Registry.All() {
		reader, ok := d.(ports.LockoutReader)
		if !ok {
			continue
		}
		step, err := s.lockoutStep(ctx, reader)
		if err != nil {
			return nil, err
		}
		if step != nil && !step.OK {
			advice = append(advice, "directory "+string(d.ID())+": "+step.Detail+". "+step.Advice)
		}
	}
	return advice, nil
}

// Status returns the status of the last scheduled run of each directory.
func (s *Service) Status() map[domain.DirectoryID]Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := map[domain.DirectoryID]Status{}
	for id, st := range s.states {
		all[id] = st.status
	}
	return all
}

func (s *Service) state(id domain.DirectoryID) *state {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.states[id] == nil {
		s.states[id] = &state{}
	}
	return s.states[id]
}

func (s *Service) note(st *state, change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&st.status)
}

// able returns the directory with the ID as a T. what completes the error "directory ... does not".
func able[T ports.Directory](s *Service, by domain.Principal, id domain.DirectoryID, what string) (T, error) {
	var none T
	if !by.Can(domain.DirectoriesManage) {
		return none, fault.ErrForbidden
	}
	d, ok := s.deps.Registry.Get(id)
	if !ok {
		return none, ErrNoDirectory
	}
	t, ok := d.(T)
	if !ok {
		return none, ErrNotAble.Because(fmt.Errorf("directory %s of type %s does not %s", id, d.Type(), what))
	}
	return t, nil
}

// Check diagnoses the directory and compares its lockout threshold with ours. sample is a login name to look up, or
// empty. It requires directories.manage.
func (s *Service) Check(ctx context.Context, by domain.Principal, id domain.DirectoryID,
	sample string,
) ([]domain.CheckStep, error) {
	checker, err := able[ports.Checker](s, by, id, "support checks")
	if err != nil {
		return nil, err
	}
	steps := checker.Check(ctx, sample)
	if reader, ok := checker.(ports.LockoutReader); ok {
		step, err := s.lockoutStep(ctx, reader)
		if err != nil {
			return nil, err
		}
		if step != nil {
			steps = append(steps, *step)
		}
	}
	if mapper, ok := checker.(ports.Mapper); ok {
		catalog, err := s.deps.Access.Catalog(ctx)
		if err != nil {
			return nil, err
		}
		steps = append(steps, mappingSteps(catalog, mapper.MappingNames())...)
	}
	return steps, nil
}

// lockoutStep reports whether our lockout comes before the directory's. Otherwise an attacker could lock users out of
// everything that the directory gives access to, by sending wrong passwords to this service.
func (s *Service) lockoutStep(ctx context.Context, reader ports.LockoutReader) (*domain.CheckStep, error) {
	threshold, err := reader.LockoutThreshold(ctx)
	if err != nil || threshold == 0 {
		return nil, nil //nolint:nilnil,nilerr // the check itself reports an unreadable threshold
	}
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	ours := catalog.Settings.Lockout
	step := &domain.CheckStep{
		Name: "lockout", OK: ours.MaxAttempts < threshold && ours.AccountMaxAttempts < threshold,
		Detail: fmt.Sprintf(
			"the directory locks after %d wrong passwords, this service stops forwarding them after %d from one source and %d "+
				"from all",
			threshold, ours.MaxAttempts, ours.AccountMaxAttempts),
	}
	if !step.OK {
		step.Advice = fmt.Sprintf(
			"Wrong passwords here can lock users out of everything that the directory gives access to: set "+
				"lockout_policy.max_attempts and "+
				"lockout_policy.account_max_attempts in the security settings below %d.", threshold)
	}
	return step, nil
}

// outcomeAdvice explains each outcome to the operator.
var outcomeAdvice = map[domain.Outcome]string{
	domain.OutcomeBadCredentials: "The name or the password is wrong: look the name up with directory check.",
	domain.OutcomeMustChange: "The password is right and must be changed: through this service if it may reset the " +
		"directory's passwords, else in the directory.",
	domain.OutcomeExpired: "The password is right and has expired: change it through this service if it may " +
		"reset the directory's passwords, else in the directory.",
	domain.OutcomeLocked: "The directory has locked the account after wrong passwords: wait, or unlock it in " +
		"the directory.",
	domain.OutcomeDisabled: "The directory refuses the account: it is disabled, or may not " +
		"log in at this time or from this host.",
	domain.OutcomeAccountExpired: "The password is right, but the account has expired in the directory.",
}
