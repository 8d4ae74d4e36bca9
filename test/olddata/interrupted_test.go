package olddata_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/test/kit"
)

// TestInterruptedMigrationOfAnOldDataDirectoryContinues interrupts every start at the second of its steps. Each start
// must begin where the previous one stopped.
func TestInterruptedMigrationOfAnOldDataDirectoryContinues(t *testing.T) {
	t.Parallel()
	in, dir := &installation{secrets: loadSecrets(t, "sqlite")}, t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, sqlitestore.FileName), unpack(t, "ostiary.db.gz"), 0o600))
	keys, err := os.ReadFile(filepath.Join(folder, "ostiary.key"))
	must(t, err)
	begin := setup(t, &in.secrets, dir, string(keys))

	var begun []int // the first step of each start
	for {
		first, err := startInterrupted(t, dir)
		begun = append(begun, first)
		if err == nil {
			break
		}
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("the interrupted start: %v", err)
		}
	}
	for i, first := range begun {
		if first != begun[0]+i {
			t.Fatalf("the starts began with the steps %v", begun)
		}
	}
	if len(begun) < 2 {
		t.Errorf("%d starts migrated the old data directory, want several", len(begun))
	}
	in.Services = kit.Start(t, kit.Options{Kit: kit.Open(t, begin), Audience: "ostiary"})
	doEverything(t, in)
}

// startInterrupted opens the store, is interrupted when its second step begins, and returns the number of its first.
func startInterrupted(t *testing.T, dir string) (first int, err error) {
	t.Helper()
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var steps []int
	store, err := sqlitestore.Open(ctx, sqlitestore.Config{
		Dir: dir, Clock: &kit.Clock{},
		Migrating: func(_ string, number, _ int, _ time.Duration) {
			if !slices.Contains(steps, number) {
				steps = append(steps, number)
			}
			if len(steps) == 2 {
				interrupt()
			}
		},
	})
	if len(steps) == 0 {
		t.Fatalf("no step ran: %v", err)
	}
	if err == nil {
		must(t, store.Close(t.Context()))
	}
	return steps[0], err
}
