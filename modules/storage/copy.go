package storage

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/transfer"
	"github.com/ostiary/ostiary/ports"
)

// Progress is called with the progress of the copy of a kind of records.
type Progress func(kind string, done, total int64)

func (p Progress) kind(kind domain.ArchiveKind, done, total int64) {
	if p != nil {
		p(string(kind), done, total)
	}
}

// Count is the number of records of a kind in each store at the end.
type Count struct {
	Kind string `json:"kind"`
	From int64  `json:"from"`
	To   int64  `json:"to"`
}

// Report describes the copied and verified data.
type Report struct {
	Counts []Count `json:"counts"`
	// AuditKey signed the log that was verified in the target; empty if nothing is sealed yet.
	AuditKey string `json:"audit_key,omitempty"`
	// AuditEntries is the number of entries that the seals prove.
	AuditEntries int64 `json:"audit_entries"`
}

// location is one of the two opened stores.
type location struct {
	ports.Storage
	dir   string // of the embedded store
	close func(context.Context) error
}

// Copy copies one store into the other and verifies the audit log there. A store is "sqlite:FOLDER" or a MongoDB URI
// with the database as its path; "sqlite" and "mongodb" mean the configured ones.
func Copy(ctx context.Context, c config.Config, from, to string, progress Progress) (Report, error) {
	source, err := openLocation(ctx, c, from)
	if err != nil {
		return Report{}, fmt.Errorf("opening the source: %w", err)
	}
	target, err := openLocation(ctx, c, to)
	if err != nil {
		return Report{}, errors.Join(fmt.Errorf("opening the target: %w", err), source.close(ctx))
	}
	report, err := copyBetween(ctx, c, source, target, progress)
	ctx = context.WithoutCancel(ctx)
	return report, errors.Join(err, source.close(ctx), target.close(ctx))
}

func copyBetween(ctx context.Context, c config.Config, source, target location, progress Progress) (Report, error) {
	sealer, err := sealerOf(c, source, target)
	if err != nil {
		return Report{}, err
	}
	counts, err := transfer.Copy(ctx, source.Storage, target.Storage, sysclock.Clock{}, progress.kind)
	var report Report
	for _, n := range counts {
		report.Counts = append(report.Counts, Count{Kind: string(n.Kind), From: n.From, To: n.To})
	}
	if err != nil {
		return report, err
	}
	verifier := audit.NewStoreVerifier(target.Proofs, target.Seals, audit.NewSigner(target.Seals, sealer))
	proof, err := verifier.Verify(ctx, audit.Trust{})
	if err != nil {
		return report, fmt.Errorf("verifying the copied audit log: %w", err)
	}
	if proof.Finding != nil {
		return report, fmt.Errorf("the copied audit log is damaged: %s", proof.Finding.Reason)
	}
	report.AuditKey = proof.Key
	if proof.Last > 0 {
		report.AuditEntries = proof.Last - proof.First + 1
	}
	return report, nil
}

// sealerOf returns a sealer with the configured key, or else with the key file beside the embedded store.
func sealerOf(c config.Config, locations ...location) (ports.Sealer, error) {
	if c.Keyring.Key != "" {
		list, err := keyring.ParseKeys(c.Keyring.Key.Reveal())
		if err != nil {
			return nil, err
		}
		return keyring.NewSealer(list)
	}
	for _, p := range locations {
		if p.dir != "" {
			list, err := keyring.OpenKeyFile(config.Config{DataDir: p.dir}.KeyFile())
			if err != nil {
				return nil, err
			}
			return keyring.NewSealer(list)
		}
	}
	return nil, fault.ErrInvalid.About("keyring.key", "is needed to prove the copied audit log")
}

func openLocation(ctx context.Context, c config.Config, where string) (location, error) {
	switch scheme, rest, _ := strings.Cut(where, ":"); scheme {
	case "sqlite":
		if rest == "" {
			rest = c.DataDir
		}
		return openSQLiteCopy(ctx, rest)
	case "mongodb", "mongodb+srv":
		if rest == "" {
			l, err := openMongoDBCopy(ctx, c.Storage.MongoDB.URI.Reveal(), c.Storage.MongoDB.Database)
			return l, Mistaken(err)
		}
		address, err := url.Parse(where)
		if err != nil || strings.Trim(address.Path, "/") == "" {
			return location{}, fault.ErrInvalid.About("store",
				"a MongoDB address names its database, as in mongodb://host/ostiary")
		}
		l, err := openMongoDBCopy(ctx, where, strings.Trim(address.Path, "/"))
		if wrong, ok := errors.AsType[*mongostore.MisconfiguredError](err); ok {
			err = fault.ErrInvalid.About("store", wrong.Reason)
		}
		return l, err
	}
	return location{}, fault.ErrInvalid.About("store",
		"must be sqlite:FOLDER or mongodb://…/DATABASE, or sqlite or mongodb for the configured one")
}

func openSQLiteCopy(ctx context.Context, dir string) (location, error) {
	s, err := sqlitestore.Open(ctx, sqlitestore.Config{Dir: dir, Clock: sysclock.Clock{}})
	if err != nil {
		return location{}, err
	}
	return location{Storage: s.Ports(), dir: dir, close: s.Close}, nil
}

func openMongoDBCopy(ctx context.Context, uri, database string) (location, error) {
	s, err := mongostore.Open(ctx, mongostore.Config{URI: uri, Database: database, Clock: sysclock.Clock{}})
	if err != nil {
		return location{}, err
	}
	return location{Storage: s.Ports(), close: s.Close}, nil
}
