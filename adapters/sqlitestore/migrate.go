package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"
	"sync"
	"time"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// reportEvery is the interval of reports while a migration runs.
const reportEvery = 10 * time.Second

// migrate applies the pending schema migrations and calls report, which may be nil, as Config.Migrating describes. Each
// migration is one transaction without a time limit: one that is interrupted runs again at the next start. A schema of
// a later version of the program is an error and is not changed.
func migrate(ctx context.Context, db *sql.DB, report func(step string, number, of int, took time.Duration)) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithTableName("schema_versions"))
	if err != nil {
		return fmt.Errorf("reading the migrations: %w", translate(err))
	}
	present, target, err := provider.GetVersions(ctx)
	if err != nil {
		return translate(fmt.Errorf("reading the schema version of %s: %w", FileName, err))
	}
	if present > target {
		return fmt.Errorf(
			"the database has schema version %d and this program supports up to %d: start the later version of the program",
			present, target)
	}
	for number := present + 1; number <= target; number++ {
		end := func() {}
		if report != nil && present > 0 {
			end = reporting(func(took time.Duration) { report("schema version", int(number), int(target), took) })
		}
		_, err := provider.UpByOne(ctx)
		end()
		if err != nil {
			return translate(fmt.Errorf("migrating %s: %w", FileName, err))
		}
	}
	return nil
}

// reporting calls report now and periodically until end is called.
func reporting(report func(took time.Duration)) (end func()) {
	report(0)
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		ticker := time.NewTicker(reportEvery)
		defer ticker.Stop()
		for elapsed := reportEvery; ; elapsed += reportEvery {
			select {
			case <-ended:
				return
			case <-ticker.C:
				report(elapsed)
			}
		}
	})
	return func() {
		close(ended)
		running.Wait()
	}
}
