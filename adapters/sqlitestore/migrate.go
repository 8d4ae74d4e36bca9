package sqlitestore

import (
	"context"
	"database/sql"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate applies the pending schema migrations. Each migration is one transaction. A schema of a later version of the
// program is an error and is not changed.
func migrate(ctx context.Context, db *sql.DB) error {
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
	if _, err := provider.Up(ctx); err != nil {
		return translate(fmt.Errorf("migrating %s: %w", FileName, err))
	}
	return nil
}
