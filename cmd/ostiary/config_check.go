package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/internal/securityclient"
	"github.com/ostiary/ostiary/modules"
	"github.com/ostiary/ostiary/modules/localapi"
)

type configCheckAnswer struct {
	OK       bool             `json:"ok"`
	Warnings []config.Mistake `json:"warnings"`
	// Lockout is the policy that the lockouts of the directories were compared with; nil if none was compared.
	Lockout *storedLockout `json:"lockout,omitempty"`
	// Names are the names that collide in the store; nil if the store was not queried.
	Names *storedNames `json:"names,omitempty"`
}

// storedLockout is the lockout policy of the service. Stored reports that it comes from the installation's settings.
// Otherwise it is the default, because there is no installation yet or, with a Problem, because it cannot be read.
type storedLockout struct {
	localapi.Lockout

	Stored  bool   `json:"stored"`
	Problem string `json:"problem,omitempty"`
}

// storedNames are the names that several users or groups have. Stored reports that there is an installation.
type storedNames struct {
	Stored     bool         `json:"stored"`
	Collisions []storedName `json:"collisions"`
	Problem    string       `json:"problem,omitempty"`
}

type storedName struct {
	Kind    string   `json:"kind"`
	Name    string   `json:"name"`
	Holders []string `json:"holders"`
}

func (a *app) configCheckCommand() *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use: "check", Short: "Validate the configuration",
		Long: `Reads the configuration as serve does and reports all errors, each with its key and how to fix it.
Warnings are valid settings that are probably a mistake.

External directories are queried for their lockout policy: the service must lock an account before
the directory does, or an attacker could lock users out of their directory through the service. The
service's policy is read from the stored settings if possible, else the default is used; the output
says which.

If the store exists, colliding names that were created before collisions were refused are listed: a
username that is another user's e-mail address (sign-in resolves it to the user with that username),
and groups whose names differ only in case or spaces. A database that cannot be reached is an error.
Nothing is started or changed.`,
		Example: "  ostiary config check\n  ostiary config check --config /etc/ostiary.yaml --offline --json",
		Args:    args(cobra.NoArgs),
	}
	c.Flags().BoolVar(&offline, "offline", false, "do not connect to directories or the store")
	c.RunE = func(cmd *cobra.Command, _ []string) error {
		configuration, err := a.whole(cmd.Context())
		if err != nil {
			return err
		}
		answer := configCheckAnswer{
			OK: true, Warnings: slices.Concat([]config.Mistake{}, configuration.Warnings(), configuration.FileWarnings()),
		}
		// Opening the directories checks their settings.
		lockouts, err := localapi.ReadDirectories(cmd.Context(), modules.Directories(configuration), !offline)
		if err != nil {
			return err
		}
		if !offline {
			if err := compareNames(cmd.Context(), configuration, &answer); err != nil {
				return err
			}
			compareLockouts(cmd.Context(), configuration, lockouts, &answer)
		}
		answer.Warnings = config.Locate(a.sources(), answer.Warnings)
		return a.print(answer, func() {
			for _, w := range answer.Warnings {
				a.printf(a.out, "warning: %s\n", printable(w.String()))
			}
			a.printLockout(answer.Lockout)
			if answer.Names != nil && answer.Names.Problem != "" {
				a.printf(a.out, "The stored names could not be checked (%s).\n", printable(answer.Names.Problem))
			}
			a.printf(a.out, "The configuration is valid.\n")
		})
	}
	return c
}

// compareLockouts compares the lockout policies of the directories with the service's own and adds warnings.
func compareLockouts(
	ctx context.Context, c config.Config, lockouts []localapi.DirectoryLockout, answer *configCheckAnswer,
) {
	if len(lockouts) == 0 {
		return
	}
	ours := storedLockout{Lockout: localapi.DefaultLockout()}
	read, found, err := readLockout(ctx, c)
	switch {
	case err != nil:
		ours.Problem = apiError(err).Error()
	case found:
		ours.Lockout, ours.Stored = read, true
	}
	answer.Lockout = &ours
	for _, d := range lockouts {
		if problem := lockoutProblem(d, ours.Lockout); problem != "" {
			answer.Warnings = append(answer.Warnings, config.Mistake{Key: "directories." + d.ID, Problem: problem})
		}
	}
}

// readLockout asks the running server, or reads the configured store. found is false if there is no installation.
func readLockout(ctx context.Context, c config.Config) (policy localapi.Lockout, found bool, err error) {
	session, err := localapi.Dial(ctx, c)
	if errors.Is(err, localapi.ErrNoServer) {
		return localapi.ReadLockout(ctx, c)
	}
	if err != nil {
		return policy, false, err
	}
	settings, err := securityclient.New(session).GetSettings(ctx)
	if closed := session.Close(ctx); err == nil {
		err = closed
	}
	policy.MaxAttempts = settings.LockoutPolicy.MaxAttempts
	policy.AccountMaxAttempts = settings.LockoutPolicy.AccountMaxAttempts
	return policy, err == nil, err
}

// compareNames adds a warning for each name that collides in the store. It fails if the store is a database that cannot
// be reached.
func compareNames(ctx context.Context, c config.Config, answer *configCheckAnswer) error {
	collisions, found, err := localapi.ReadCollisions(ctx, c)
	if err != nil && c.Storage.Driver == config.StorageMongoDB {
		return err
	}
	answer.Names = &storedNames{Stored: found, Collisions: []storedName{}}
	if err != nil {
		answer.Names.Problem = apiError(err).Error()
	}
	for _, n := range collisions {
		answer.Names.Collisions = append(answer.Names.Collisions,
			storedName{Kind: string(n.Kind), Name: n.Name, Holders: n.Holders})
		answer.Warnings = append(answer.Warnings, collisionWarning(n))
	}
	return nil
}

func collisionWarning(n localapi.Collision) config.Mistake {
	if n.Kind == localapi.CollisionGroup {
		return config.Mistake{Key: "storage", Problem: fmt.Sprintf("the groups %s have the same name %q except for case "+
			"and spaces: rename all but one", strings.Join(n.Holders, ", "), n.Name)}
	}
	return config.Mistake{Key: "storage", Problem: fmt.Sprintf("%q is the username of %s and the e-mail address of %s: "+
		"sign-in resolves it to the former; change the e-mail address of %s, or delete one of the two",
		n.Name, n.Holders[0], n.Holders[1], n.Holders[1])}
}

func lockoutProblem(d localapi.DirectoryLockout, ours localapi.Lockout) string {
	switch {
	case d.Problem != "":
		return "cannot read the lockout policy: " + d.Problem
	case d.Threshold > 0 && (ours.MaxAttempts >= d.Threshold || ours.AccountMaxAttempts >= d.Threshold):
		return fmt.Sprintf("the directory locks an account after %d wrong passwords, the service after %d from one source "+
			"and %d from all: set lockout_policy.max_attempts and lockout_policy.account_max_attempts in the security "+
			"settings below %d, or an attacker can lock users out of the directory through the service", d.Threshold,
			ours.MaxAttempts, ours.AccountMaxAttempts, d.Threshold)
	}
	return ""
}

// printLockout prints the policy that the lockouts of the directories were compared with.
func (a *app) printLockout(ours *storedLockout) {
	switch {
	case ours == nil:
	case ours.Stored:
		a.printf(a.out, "Compared the lockout policies of the directories with the stored settings.\n")
	case ours.Problem != "":
		a.printf(a.out, "Compared the lockout policies of the directories with the default settings: "+
			"the stored settings cannot be read (%s).\n", printable(ours.Problem))
	default:
		a.printf(a.out,
			"Compared the lockout policies of the directories with the default settings: there is no store yet.\n")
	}
}
