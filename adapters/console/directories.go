package console

import (
	"context"

	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// The operations on directories.
var (
	DirectoryList  = Define[struct{}, []Directory]("directory.list")
	DirectoryCheck = Define[DirectoryQuestion, []DirectoryStep]("directory.check")
	DirectoryLogin = Define[DirectoryPassword, DirectoryStep]("directory.login")
	DirectoryPlan  = Define[DirectoryPlanInput, DirectoryPlanAnswer]("directory.plan")
	DirectoryApply = Define[DirectoryApplication, directory.Result]("directory.apply")
)

// Directory is a configured directory with what it can do.
type Directory struct {
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	Abilities []string `json:"abilities"`
}

// DirectoryQuestion asks for a check, with a login name to look at.
type DirectoryQuestion struct {
	ID     string `json:"id"`
	Sample string `json:"sample,omitempty"`
}

// DirectoryPassword is a login to try.
type DirectoryPassword struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	Password string `json:"password"`
}

// DirectoryStep is one line of a check.
type DirectoryStep struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Advice string `json:"advice,omitempty"`
}

// DirectoryPlanInput asks for a plan and for how many of its steps, 0 for all.
type DirectoryPlanInput struct {
	ID    string `json:"id"`
	Steps int    `json:"steps"`
}

// DirectoryPlanAnswer is a plan, with as many of its steps as were asked for.
type DirectoryPlanAnswer struct {
	directory.Plan
	Create  int `json:"create"`
	Update  int `json:"update"`
	Disable int `json:"disable"`
	Enable  int `json:"enable"`
	Skip    int `json:"skip"`
}

// DirectoryApplication says which plan is applied.
type DirectoryApplication struct {
	ID     string `json:"id"`
	Digest string `json:"digest"`
	Force  bool   `json:"force,omitempty"`
}

type directories struct {
	service *directory.Service
}

func directoryOperations(d directories) []Handler {
	return []Handler{
		DirectoryList.Handle(d.list), DirectoryCheck.Handle(d.check), DirectoryLogin.Handle(d.login),
		DirectoryPlan.Handle(d.plan), DirectoryApply.Handle(d.apply),
	}
}

func (d directories) list(ctx context.Context, call Call, _ struct{}) ([]Directory, error) {
	all, err := d.service.List(ctx, call.By)
	list := make([]Directory, 0, len(all))
	for _, each := range all {
		list = append(list, Directory{ID: string(each.ID), Type: each.Type, Abilities: each.Abilities})
	}
	return list, err
}

func (d directories) check(ctx context.Context, call Call, in DirectoryQuestion) ([]DirectoryStep, error) {
	steps, err := d.service.Check(ctx, call.By, domain.DirectoryID(in.ID), in.Sample)
	shown := make([]DirectoryStep, 0, len(steps))
	for _, s := range steps {
		shown = append(shown, DirectoryStep(s))
	}
	return shown, err
}

func (d directories) login(ctx context.Context, call Call, in DirectoryPassword) (DirectoryStep, error) {
	step, err := d.service.TryLogin(ctx, call.By, domain.DirectoryID(in.ID), ports.Login{Name: in.Name, Password: in.Password})
	return DirectoryStep(step), err
}

func (d directories) plan(ctx context.Context, call Call, in DirectoryPlanInput) (DirectoryPlanAnswer, error) {
	plan, err := d.service.Plan(ctx, call.By, domain.DirectoryID(in.ID), progressOf(call, "people"))
	if err != nil {
		return DirectoryPlanAnswer{}, err
	}
	answer := DirectoryPlanAnswer{
		Plan: plan, Create: plan.Count(directory.StepCreate), Update: plan.Count(directory.StepUpdate),
		Disable: plan.Count(directory.StepDisable), Enable: plan.Count(directory.StepEnable), Skip: plan.Count(directory.StepSkip),
	}
	if in.Steps > 0 && len(answer.Steps) > in.Steps {
		answer.Steps = answer.Steps[:in.Steps]
	}
	return answer, nil
}

func (d directories) apply(ctx context.Context, call Call, in DirectoryApplication) (directory.Result, error) {
	return d.service.Apply(ctx, call.By, domain.DirectoryID(in.ID), directory.Application{
		Digest: in.Digest, Force: in.Force, Progress: progressOf(call, "steps"),
	})
}

// progressOf reports each hundredth step: every one would be slower than the steps.
func progressOf(call Call, what string) directory.Progress {
	last := 0
	return func(done, all int) {
		if done-last >= 100 || done == all {
			last = done
			call.Report(Progress{Done: int64(done), Total: int64(all), What: what})
		}
	}
}
