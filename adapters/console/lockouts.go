package console

import (
	"context"

	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/directory"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// DirectoryLockouts asks the directories when they lock accounts.
var DirectoryLockouts = Define[struct{}, []DirectoryLockout]("directory.lockouts")

// LockoutRead returns the lockout policy of the current settings.
var LockoutRead = Define[struct{}, Lockout]("lockout.read")

// Lockout is after how many failures we lock an account, from one source and from all.
type Lockout struct {
	MaxAttempts        int `json:"max_attempts"`
	AccountMaxAttempts int `json:"account_max_attempts"`
}

// NewLockout returns the policy as the console shows it.
func NewLockout(p domain.LockoutPolicy) Lockout {
	return Lockout{MaxAttempts: p.MaxAttempts, AccountMaxAttempts: p.AccountMaxAttempts}
}

type policies struct{ access *access.Service }

func (p policies) lockout(ctx context.Context, _ Call, _ struct{}) (Lockout, error) {
	catalog, err := p.access.Catalog(ctx)
	if err != nil {
		return Lockout{}, err
	}
	return NewLockout(catalog.Settings.Lockout), nil
}

// DirectoryLockout is when a directory itself locks an account. Problem says why it could not tell.
type DirectoryLockout struct {
	ID        string `json:"id"`
	Threshold int    `json:"threshold"` // wrong passwords; 0: never
	Problem   string `json:"problem,omitempty"`
}

// OfflineOperations returns the operations that need the configured directories and nothing else: no store, no server.
func OfflineOperations(registry *directory.Registry) []Handler {
	return []Handler{DirectoryLockouts.Handle(lockouts{registry}.ask)}
}

type lockouts struct{ registry *directory.Registry }

func (l lockouts) ask(ctx context.Context, _ Call, _ struct{}) ([]DirectoryLockout, error) {
	list := []DirectoryLockout{}
	for _, one := range l.registry.All() {
		reader, ok := one.(ports.LockoutReader)
		if !ok {
			continue
		}
		told := DirectoryLockout{ID: string(one.ID())}
		threshold, err := reader.LockoutThreshold(ctx)
		if err != nil {
			told.Problem = err.Error()
		}
		told.Threshold = threshold
		list = append(list, told)
	}
	return list, nil
}
