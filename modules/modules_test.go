package modules_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"go.uber.org/fx"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/auth"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/modules"
	"github.com/ostiary/ostiary/modules/directories"
	"github.com/ostiary/ostiary/ports"
)

// radius is a directory type that the product does not have.
type radius struct {
	id     domain.DirectoryID
	Secret string `yaml:"secret"`
}

var radiusType = ports.DirectoryFactory{
	Type: "radius",
	Open: func(id domain.DirectoryID, decode func(into any) error) (ports.Directory, error) {
		r := &radius{id: id}
		return r, decode(r)
	},
}

func (r *radius) ID() domain.DirectoryID    { return r.id }
func (*radius) Type() string                { return radiusType.Type }
func (*radius) JustInTime() bool            { return true }
func (*radius) Suffixes() []string          { return []string{"example.org"} }
func (*radius) Close(context.Context) error { return nil }

func (r *radius) VerifyPassword(_ context.Context, login ports.Login) (domain.PasswordCheck, error) {
	if login.Password != r.Secret {
		return domain.PasswordCheck{Outcome: domain.OutcomeBadCredentials}, nil
	}
	return domain.PasswordCheck{Outcome: domain.OutcomeOK, Identity: domain.Identity{
		Directory: r.id, Subject: "42", Username: login.Name, Email: login.Name, EmailVerified: true,
	}}, nil
}

func (r *radius) VerifySubject(ctx context.Context, _ domain.Subject, password string) (domain.PasswordCheck, error) {
	return r.VerifyPassword(ctx, ports.Login{Name: "grace@example.org", Password: password})
}

// Example is the main function of a program with a directory type of its own.
func Example() {
	c, err := config.Load(config.Sources{Environ: os.Environ()})
	if err != nil {
		panic(err)
	}
	fx.New(modules.Server(c), directories.Type(radiusType)).Run()
}

func TestAProgramAddsADirectoryType(t *testing.T) {
	t.Parallel()
	c := configured(t, "directories: [{id: local, type: builtin}, {id: tokens, type: radius, secret: open-sesame}]")
	var s *core.Services
	app := fx.New(modules.Services(c), directories.Type(radiusType), fx.Populate(&s), fx.NopLogger)
	if err := app.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = app.Stop(context.WithoutCancel(t.Context())) })
	by := domain.Anonymous(domain.Origin{})
	signedIn, err := s.Auth.Login(t.Context(), by, auth.LoginInput{Name: "grace@example.org", Password: "open-sesame"})
	if err != nil || signedIn.User.Directory != "tokens" {
		t.Errorf("got %+v, %v", signedIn.User, err)
	}
}

func TestModulesProvideEveryDependency(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]func(config.Config) fx.Option{
		"Server": modules.Server, "Services": modules.Services, "Directories": modules.Directories,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := fx.ValidateApp(list(configured(t, ""))); err != nil {
				t.Error(err)
			}
		})
	}
}

// configured returns the configuration of this file, with a data directory of its own.
func configured(t *testing.T, text string) config.Config {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "ostiary.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(config.Sources{File: file, Flags: map[string]string{"data_dir": filepath.Join(dir, "data")}})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
