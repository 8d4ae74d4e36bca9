package securityapi

import (
	"context"
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
)

func (a *api) directoryRoutes() []httpserver.Route {
	manages := httpserver.Requires(domain.DirectoriesManage)
	return []httpserver.Route{
		route(http.MethodGet, "/directories", manages, a.listDirectories),
		route(http.MethodPost, "/directories/{directory_id}/check", manages, httpserver.BindOptional(a.checkDirectory)),
		route(http.MethodPost, "/directories/{directory_id}/test-login", manages, httpserver.BindBody(a.testLogin)),
		route(http.MethodPost, "/directories/{directory_id}/sync-plan", manages, httpserver.BindOptional(a.planSync)),
		route(http.MethodPost, "/directories/{directory_id}/sync", manages, httpserver.BindBody(a.sync)),
	}
}

func directoryID(r *httpserver.Request) domain.DirectoryID {
	return domain.DirectoryID(r.Param("directory_id"))
}

func (a *api) listDirectories(r *httpserver.Request) error {
	all, err := a.Directory.List(r.Context(), r.Principal)
	return r.Reply(DirectoryList{Directories: each(all, func(d directory.Summary) Directory {
		return Directory{DirectoryID: string(d.ID), Type: d.Type, Abilities: d.Abilities, Default: d.Default}
	})}, err)
}

func stepOf(s domain.CheckStep) DirectoryStep {
	return DirectoryStep{Name: s.Name, Ok: s.OK, Detail: s.Detail, Advice: orAbsent(s.Advice)}
}

func (a *api) checkDirectory(r *httpserver.Request, in CheckDirectoryRequest) error {
	if in.Login != nil {
		if err := domain.Limits.LoginName.CheckBytes("login", *in.Login); err != nil {
			return err
		}
	}
	by, id := r.Principal, directoryID(r)
	return r.Long(func(ctx context.Context, _ *httpserver.Lines) (any, error) {
		steps, err := a.Directory.Check(ctx, by, id, or(in.Login))
		return DirectoryCheck{Steps: each(steps, stepOf)}, err
	})
}

func (a *api) testLogin(r *httpserver.Request, in TestLoginRequest) error {
	if err := required(map[string]string{"login": in.Login, "password": in.Password}); err != nil {
		return err
	}
	refused := domain.Limits.LoginName.Bytes(fault.ErrInvalid, "login", in.Login)
	refused = domain.Limits.PasswordInput.Bytes(refused, "password", in.Password)
	if err := domain.Refusal(refused); err != nil {
		return err
	}
	step, err := a.Directory.TryLogin(r.Context(), r.Principal, directoryID(r),
		ports.Login{Name: in.Login, Password: in.Password})
	return r.Reply(stepOf(step), err)
}

func (a *api) planSync(r *httpserver.Request, in PlanSyncRequest) error {
	by, id := r.Principal, directoryID(r)
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		plan, err := a.Directory.Plan(ctx, by, id, progressOf(lines, "users"))
		if err != nil {
			return nil, err
		}
		return planOf(&plan, in.MaxSteps), nil
	})
}

func planOf(p *directory.Plan, maxSteps *int) SyncPlan {
	steps := p.Steps
	if maxSteps != nil && len(steps) > *maxSteps {
		steps = steps[:max(0, *maxSteps)]
	}
	return SyncPlan{
		Directory: string(p.Directory), Complete: p.Complete, Listed: p.Listed, Known: p.Known, Digest: p.Digest,
		SafetyLimit: orAbsent(p.SafetyLimit),
		Create:      p.Count(directory.StepCreate), Update: p.Count(directory.StepUpdate),
		Disable: p.Count(directory.StepDisable), Enable: p.Count(directory.StepEnable), Skip: p.Count(directory.StepSkip),
		Steps: each(steps, func(s directory.Step) SyncStep {
			step := SyncStep{
				Kind: SyncStepKind(s.Kind), Subject: string(s.Subject), UserID: orAbsent(string(s.UserID)),
				Username: s.Username, Reason: orAbsent(s.Reason),
			}
			if len(s.Fields) > 0 {
				step.Fields = &s.Fields
			}
			return step
		}),
	}
}

func (a *api) sync(r *httpserver.Request, in SyncRequest) error {
	if err := required(map[string]string{"digest": in.Digest}); err != nil {
		return err
	}
	by, id := r.Principal, directoryID(r)
	return r.Long(func(ctx context.Context, lines *httpserver.Lines) (any, error) {
		done, err := a.Directory.Apply(ctx, by, id, directory.Application{
			Digest: in.Digest, Force: or(in.Force), Progress: progressOf(lines, "steps"),
		})
		result := SyncResult{
			Digest: done.Digest, Complete: done.Complete, Listed: done.Listed, Created: done.Created, Updated: done.Updated,
			Disabled: done.Disabled, Enabled: done.Enabled, Skipped: done.Skipped, Failed: done.Failed,
		}
		if len(done.Failures) > 0 {
			result.Failures = &done.Failures
		}
		return result, err
	})
}

// progressOf reports each hundredth step: every one would be slower than the steps.
func progressOf(lines *httpserver.Lines, what string) directory.Progress {
	last := 0
	return func(done, all int) {
		if done-last >= 100 || done == all {
			last = done
			lines.Progress(httpserver.Progress{Done: int64(done), Total: int64(all), What: what})
		}
	}
}
