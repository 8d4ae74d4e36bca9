package olddata_test

import (
	"context"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/transfer"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// TestAnOldDataDirectoryIsCopied copies it to MongoDB, with a setting that the old settings lack.
func TestAnOldDataDirectoryIsCopied(t *testing.T) {
	t.Parallel()
	from := openSQLite(t, "UPDATE settings SET doc = json_remove(doc, '$.lockout.account_max_attempts')")
	server := mongod.Shared(t)
	config := mongostore.Config{
		URI: server.URI(), Database: server.NewDatabase(t), Clock: from.Clock, NoTTL: true, Timeout: time.Minute,
	}
	to, err := mongostore.Open(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, to.Close(context.WithoutCancel(t.Context()))) })
	counts, err := transfer.Copy(t.Context(), from.Store.Ports(), to.Ports(), from.Clock,
		func(domain.ArchiveKind, int64, int64) {})
	must(t, err)
	for _, c := range counts {
		if c.From != c.To {
			t.Errorf("%d of %d %s were copied", c.To, c.From, c.Kind)
		}
	}
	catalog, err := to.CatalogStore().Catalog(t.Context())
	must(t, err)
	if got := catalog.Settings.Lockout.AccountMaxAttempts; got != domain.DefaultSettings().Lockout.AccountMaxAttempts {
		t.Errorf("the copied setting that was not stored is %d, want its default", got)
	}
	if catalog.Settings.Password.MinLength != 14 || len(catalog.Settings.TwoFactor.RequiredForRoles) != 0 {
		t.Errorf("the copied settings are %+v", catalog.Settings)
	}
}
