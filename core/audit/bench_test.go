package audit_test

import (
	"bytes"
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	_ "modernc.org/sqlite"

	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/kit"
)

type bench struct {
	*kit.Kit
	signer    *audit.Signer
	sequencer *audit.Sequencer
	access    *audit.Access
	service   *audit.Service
	verifier  *audit.StoreVerifier
	published *checkpoints
}

// checkpoints is a sink that records the published checkpoints.
type checkpoints struct{ list []auditformat.Checkpoint }

func (c *checkpoints) Publish(_ context.Context, segment auditformat.Segment, _ []auditformat.Record) error {
	c.list = append(c.list, segment.Checkpoint)
	return nil
}

func newBench(tb testing.TB) *bench {
	tb.Helper()
	return on(kit.New(tb))
}

func on(k *kit.Kit) *bench {
	b := &bench{Kit: k, published: &checkpoints{}}
	store := k.Store.Audit()
	b.signer = audit.NewSigner(store, k.Sealer)
	b.sequencer = audit.NewSequencer(store, b.signer, k.Clock, b.published)
	b.access = audit.NewAccess(k.AuditWriter, k.Clock)
	b.verifier = audit.NewStoreVerifier(store, store, b.signer)
	b.service = audit.New(audit.Deps{
		AuditLog: store, Proofs: store, Sequencer: b.sequencer, Signer: b.signer, Access: b.access, Writer: k.AuditWriter,
		Clock: k.Clock,
	})
	return b
}

// write appends count entries, one second apart, and seals them in segments of ten.
func (b *bench) write(t *testing.T, count int) {
	t.Helper()
	for i := range count {
		by := domain.Principal{
			Kind: domain.PrincipalUser, UserID: domain.UserID(fmt.Sprintf("usr_%d", i%3)),
			Origin: kit.Origin,
		}
		by.Origin.UserAgent = fmt.Sprintf("Mozilla/5.0 (\"%d\", test)", i)
		entry := b.AuditWriter.Entry(by, domain.ActionLogin, string(by.UserID),
			audit.Detail("method", "password"), audit.Personal("username", fmt.Sprintf("=cmd|%d", i)))
		if err := b.AuditWriter.Write(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
		b.Clock.Forward(time.Second)
		if i%10 == 9 {
			b.seal(t)
		}
	}
	b.seal(t)
}

func (b *bench) seal(tb testing.TB) {
	tb.Helper()
	if _, err := b.sequencer.Seal(tb.Context()); err != nil {
		tb.Fatal(err)
	}
}

func (b *bench) export(tb testing.TB, format audit.Format, query domain.AuditQuery) []byte {
	tb.Helper()
	proof := true
	return b.exportAs(tb, audit.ExportRequest{Format: format, Query: query, Proof: &proof})
}

func (b *bench) exportAs(tb testing.TB, request audit.ExportRequest) []byte {
	tb.Helper()
	export, err := b.service.Export(tb.Context(), domain.Operator(), request)
	if err != nil {
		tb.Fatal(err)
	}
	var out bytes.Buffer
	if err := export.WriteTo(tb.Context(), &out); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

func (b *bench) verifyStore(t *testing.T, trust audit.Trust) audit.Report {
	t.Helper()
	report, err := b.verifier.Verify(t.Context(), trust)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func verifyFile(t *testing.T, raw []byte, trust audit.Trust) audit.Report {
	t.Helper()
	report, err := audit.VerifyFile(bytes.NewReader(raw), int64(len(raw)), trust)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// tamper changes the database as an attacker with access to the file could.
func (b *bench) tamper(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(b.Dir, sqlitestore.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}
