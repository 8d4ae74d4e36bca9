package directory

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

// plan lists the directory and compares the result with the stored users.
func (s *Service) plan(ctx context.Context, lister ports.Lister, since string, progress Progress) (Plan, error) {
	catalog, err := s.deps.Access.Catalog(ctx)
	if err != nil {
		return Plan{}, err
	}
	c := &comparison{
		Service: s, catalog: catalog, plan: Plan{Directory: lister.ID(), Steps: []Step{}},
		released: map[domain.UserID]bool{},
	}
	if since == "" {
		if err := c.loadUsers(ctx); err != nil {
			return Plan{}, err
		}
	} else if err := c.countUsers(ctx); err != nil {
		return Plan{}, err
	}
	res, err := lister.List(ctx, since, func(page []domain.Identity) error {
		c.plan.Listed += len(page)
		progress.tell(c.plan.Listed, 0)
		for _, identity := range page {
			if err := c.compare(ctx, identity); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Plan{}, err
	}
	c.plan.Complete, c.plan.next = res.Complete, res.Next
	c.skip(res.Skipped)
	c.settleMoves()
	if res.Complete {
		if err := c.missing(ctx); err != nil {
			return Plan{}, err
		}
	}
	c.plan.seal(disableLimit{s.deps.MaxDisablePercent, s.deps.MaxDisableUsers})
	return c.plan, nil
}

// comparison holds the state of computing one plan.
type comparison struct {
	*Service
	catalog *domain.Catalog
	plan    Plan
	users   map[domain.Subject]*known // nil when listing changes only
	// subjects listed, when listing changes only; the listing may turn out to be complete
	seen map[domain.Subject]bool
	// names of accounts that the listing has skipped, in the form of CaseFolder
	skipped map[string]bool
	// released are the listed users whose stored email the directory no longer gives to them.
	released map[domain.UserID]bool
	moves    []move
}

// move is a step that gives a user the email of another user of the directory.
type move struct {
	step   int // its index in the plan
	user   *domain.User
	holder domain.User
}

// known holds the fields of a directory user that a comparison needs, and no others: there may be a hundred thousand
// users.
type known struct {
	domain.Person
	id            domain.UserID
	username      string
	email         string
	emailVerified bool
	deactivated   bool
	bySync        bool
	listed        bool
	role          domain.RoleID
	groups        []domain.GroupID
}

func (c *comparison) newKnown(u *domain.User) *known {
	role := u.Role
	if r, ok := c.catalog.Roles.Get(role); ok {
		role = r.ID // share one string between all users of the role
	}
	return &known{
		id: u.ID, username: u.Username, Person: u.Person, email: u.Email, emailVerified: u.EmailVerified,
		deactivated: u.Status == domain.StatusDeactivated, bySync: u.DeactivatedBySync, role: role,
		groups: slices.Clip(u.Groups),
	}
}

// user returns a domain.User with the known fields set.
func (k *known) user(directory domain.DirectoryID, subject domain.Subject) *domain.User {
	status := domain.StatusActive
	if k.deactivated {
		status = domain.StatusDeactivated
	}
	return &domain.User{
		ID: k.id, Username: k.username, Person: k.Person, Email: k.email, EmailVerified: k.emailVerified,
		Role: k.role, Groups: k.groups, Status: status, DeactivatedBySync: k.bySync,
		Directory: directory, Subject: subject,
	}
}

func (c *comparison) loadUsers(ctx context.Context) error {
	c.users = map[domain.Subject]*known{}
	return c.eachUser(ctx, func(u *domain.User) {
		c.users[u.Subject] = c.newKnown(u)
		if u.Status == domain.StatusActive {
			c.plan.Known++
		}
	})
}

func (c *comparison) eachUser(ctx context.Context, each func(*domain.User)) error {
	query := domain.UserQuery{Directory: c.plan.Directory, Sort: domain.SortCreated}
	for user, err := range ports.AllUsers(ctx, c.deps.Users, query) {
		if err != nil {
			return err
		}
		each(user)
	}
	return nil
}

func (c *comparison) countUsers(ctx context.Context) error {
	c.seen = map[domain.Subject]bool{}
	page, err := c.deps.Users.List(ctx, domain.UserQuery{
		Directory: c.plan.Directory, Status: domain.StatusActive, Sort: domain.SortCreated,
		Page: domain.Page{Number: 1, Limit: 1},
	})
	c.plan.Known = int(page.Total)
	return err
}

// find returns the user of an identity, or nil if there is none.
func (c *comparison) find(ctx context.Context, subject domain.Subject) (*domain.User, error) {
	if c.users != nil {
		k := c.users[subject]
		if k == nil {
			return nil, nil //nolint:nilnil // the absence of a user is a valid result
		}
		k.listed = true
		return k.user(c.plan.Directory, subject), nil
	}
	c.seen[subject] = true
	user, err := c.deps.Users.FindBySubject(ctx, c.plan.Directory, subject)
	if errors.Is(err, domain.ErrUserNotFound) {
		return nil, nil //nolint:nilnil // the absence of a user is a valid result
	}
	return &user, err
}

func (c *comparison) compare(ctx context.Context, identity domain.Identity) error {
	identity = cleaned(identity)
	identity.Groups = nil // the mapping has already been applied
	user, err := c.find(ctx, identity.Subject)
	if user != nil && user.Email != identity.Email && identity.Provides("email") {
		c.released[user.ID] = c.deps.CaseFolder.Fold(user.Email) != c.deps.CaseFolder.Fold(identity.Email)
	}
	switch {
	case err != nil:
		return err
	case user == nil && identity.Disabled:
		return nil
	case user == nil:
		name := cmp.Or(identity.Username, string(identity.Subject)) // a skipped one has to be named too
		c.add(Step{Kind: StepCreate, Subject: identity.Subject, Username: name, identity: identity},
			domain.CheckDirectoryUsername(identity.Username))
		return nil
	case user.Status == domain.StatusDeactivated && (identity.Disabled || !user.DeactivatedBySync):
		return nil // only an administrator reactivates a user that an administrator deactivated
	case identity.Disabled:
		c.add(Step{
			Kind: StepDisable, Subject: identity.Subject, UserID: user.ID, Username: user.Username,
			Reason: "disabled in the directory",
		}, nil)
		return nil
	}
	return c.update(ctx, user, identity)
}

func (c *comparison) update(ctx context.Context, user *domain.User, identity domain.Identity) error {
	fields := c.changes(user, identity)
	var holder domain.User
	if slices.Contains(fields, "email") {
		var err error
		if holder, err = c.holder(ctx, user, identity.Email); err != nil {
			return err
		}
	}
	if holder.ID != "" && !c.mayMove(&holder, identity.Email) {
		identity.Email, identity.EmailVerified, holder.ID = "", false, ""
		fields = c.changes(user, identity)
	}
	step := updateOf(user, identity, fields)
	if len(fields) == 0 && step.Kind == StepUpdate {
		return nil
	}
	c.add(step, nil)
	if holder.ID != "" {
		c.moves = append(c.moves, move{step: len(c.plan.Steps) - 1, user: user, holder: holder})
	}
	return nil
}

func updateOf(user *domain.User, identity domain.Identity, fields []string) Step {
	step := Step{
		Kind: StepUpdate, Subject: identity.Subject, UserID: user.ID, Username: user.Username, Fields: fields,
		identity: identity,
	}
	if user.Status == domain.StatusDeactivated {
		step.Kind, step.Reason = StepEnable, "there again in the directory"
	}
	return step
}

// mayMove reports whether the email could move from its holder: within the directory, and not if it is a username.
func (c *comparison) mayMove(holder *domain.User, email string) bool {
	return holder.Directory == c.plan.Directory && holder.Subject != "" &&
		holder.UsernameKey != c.deps.CaseFolder.Fold(email)
}

// settleMoves removes the email from the steps whose holder keeps it: the directory still gives it to them.
func (c *comparison) settleMoves() {
	for _, m := range c.moves {
		gone := c.plan.Complete && !c.isListed(m.holder.Subject) && !c.skipped[m.holder.UsernameKey]
		if c.released[m.holder.ID] || gone {
			continue
		}
		step := &c.plan.Steps[m.step]
		step.identity.Email, step.identity.EmailVerified = "", false
		*step = updateOf(m.user, step.identity, c.changes(m.user, step.identity))
	}
	c.plan.Steps = slices.DeleteFunc(c.plan.Steps, func(s Step) bool {
		return s.Kind == StepUpdate && len(s.Fields) == 0
	})
}

// isListed reports whether the listing contained the subject.
func (c *comparison) isListed(subject domain.Subject) bool {
	if c.users == nil {
		return c.seen[subject]
	}
	k := c.users[subject]
	return k != nil && k.listed
}

func (c *comparison) changes(user *domain.User, identity domain.Identity) []string {
	same := user.Clone()
	return c.deps.Provisioner.apply(c.catalog, &same, identity)
}

// holder returns the other user who has the email as an email or username, or the zero user.
func (c *comparison) holder(ctx context.Context, user *domain.User, email string) (domain.User, error) {
	if email == "" {
		return domain.User{}, nil
	}
	other, err := c.deps.Users.FindByLogin(ctx, c.deps.CaseFolder.Fold(email))
	if errors.Is(err, domain.ErrUserNotFound) || err == nil && other.ID == user.ID {
		return domain.User{}, nil
	}
	return other, err
}

// add appends the step to the plan. If the step is refused, it appends a skip step with the reason instead.
func (c *comparison) add(step Step, refused error) {
	if refused != nil {
		step.Kind, step.Reason = StepSkip, "cannot be a user: "+reasonOf(refused)
		step.identity = domain.Identity{}
	}
	c.plan.Steps = append(c.plan.Steps, step)
}

func reasonOf(err error) string {
	for _, d := range fault.Of(err).Details() {
		return d.Field + " " + d.Reason
	}
	return fault.Of(err).Message
}

// skip adds a skip step for each entry that the listing has skipped.
func (c *comparison) skip(entries []domain.SkippedEntry) {
	c.skipped = map[string]bool{}
	for _, e := range entries {
		if e.Username != "" {
			c.skipped[c.deps.CaseFolder.Fold(e.Username)] = true
			c.skipped[c.deps.CaseFolder.Fold(qualifiedName(e.Username, c.plan.Directory))] = true
		}
		c.plan.Steps = append(c.plan.Steps, Step{
			Kind: StepSkip, Subject: domain.Subject(e.Name), Username: cmp.Or(e.Username, e.Name), Reason: e.Reason,
		})
	}
}

// missing adds a disable step for each user that a complete listing did not contain.
func (c *comparison) missing(ctx context.Context) error {
	addMissing := func(u *domain.User) {
		if u.Status != domain.StatusDeactivated && !c.skipped[c.deps.CaseFolder.Fold(u.Username)] {
			c.add(Step{
				Kind: StepDisable, Subject: u.Subject, UserID: u.ID, Username: u.Username,
				Reason: "gone from the directory",
			}, nil)
		}
	}
	if c.users == nil {
		return c.eachUser(ctx, func(u *domain.User) {
			if !c.seen[u.Subject] {
				addMissing(u)
			}
		})
	}
	for subject, k := range c.users {
		if !k.listed {
			addMissing(k.user(c.plan.Directory, subject))
		}
	}
	return nil
}
