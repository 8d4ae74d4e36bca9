package faultstore

import (
	"context"
	"time"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

type auditLog struct {
	f *Faults
	ports.AuditLog
}

func (x auditLog) Append(ctx context.Context, entries ...domain.AuditEntry) error {
	return x.f.call("AuditLog.Append", func() error { return x.AuditLog.Append(ctx, entries...) })
}

func (x auditLog) List(ctx context.Context, query domain.AuditQuery) (domain.AuditPage, error) {
	return ask(x.f, "AuditLog.List", func() (domain.AuditPage, error) { return x.AuditLog.List(ctx, query) })
}

type seals struct {
	f *Faults
	ports.AuditSealStore
}

func (x seals) Unsealed(ctx context.Context, limit int) ([]auditformat.Record, error) {
	return ask(x.f, "AuditSealStore.Unsealed", func() ([]auditformat.Record,
		error,
	) {
		return x.AuditSealStore.Unsealed(ctx, limit)
	})
}

func (x seals) LastSegment(ctx context.Context) (auditformat.Segment, error) {
	return ask(x.f, "AuditSealStore.LastSegment", func() (auditformat.Segment,
		error,
	) {
		return x.AuditSealStore.LastSegment(ctx)
	})
}

func (x seals) PutSegment(ctx context.Context, segment auditformat.Segment, ids []domain.LogID) error {
	return x.f.call("AuditSealStore.PutSegment", func() error { return x.AuditSealStore.PutSegment(ctx, segment, ids) })
}

func (x seals) SealKey(ctx context.Context) ([]byte, error) {
	return ask(x.f, "AuditSealStore.SealKey", func() ([]byte, error) { return x.AuditSealStore.SealKey(ctx) })
}

func (x seals) ReplaceSealKey(ctx context.Context, was, sealed []byte) error {
	return x.f.call("AuditSealStore.ReplaceSealKey",
		func() error { return x.AuditSealStore.ReplaceSealKey(ctx, was, sealed) })
}

func (x seals) PutSealKey(ctx context.Context, sealed []byte) error {
	return x.f.call("AuditSealStore.PutSealKey", func() error { return x.AuditSealStore.PutSealKey(ctx, sealed) })
}

type proofs struct {
	f *Faults
	ports.AuditProofs
}

func (x proofs) Segments(ctx context.Context, seq int64, yield func(auditformat.Segment) error) error {
	return x.f.call("AuditProofs.Segments", func() error { return x.AuditProofs.Segments(ctx, seq, yield) })
}

func (x proofs) Records(ctx context.Context, first int64, last int64, query domain.AuditQuery,
	yield func(*auditformat.Record) error,
) error {
	return x.f.call("AuditProofs.Records", func() error { return x.AuditProofs.Records(ctx, first, last, query, yield) })
}

func (x proofs) IndexMismatch(ctx context.Context, first, last int64) (*auditformat.IndexMismatch, error) {
	return ask(x.f, "AuditProofs.IndexMismatch", func() (*auditformat.IndexMismatch,
		error,
	) {
		return x.AuditProofs.IndexMismatch(ctx, first, last)
	})
}

func (x proofs) SegmentBefore(ctx context.Context, at time.Time) (auditformat.Segment, error) {
	return ask(x.f, "AuditProofs.SegmentBefore", func() (auditformat.Segment,
		error,
	) {
		return x.AuditProofs.SegmentBefore(ctx, at)
	})
}

func (x proofs) CutSegments(ctx context.Context, number int64, out domain.Outbox) error {
	return x.f.call("AuditProofs.CutSegments", func() error { return x.AuditProofs.CutSegments(ctx, number, out) })
}

func (x proofs) RemoveCut(ctx context.Context, progress ports.Progress) error {
	return x.f.call("AuditProofs.RemoveCut", func() error { return x.AuditProofs.RemoveCut(ctx, progress) })
}

type eraser struct {
	f *Faults
	ports.AuditEraser
}

func (x eraser) ErasePerson(ctx context.Context, id domain.UserID, progress ports.Progress) error {
	return x.f.call("AuditEraser.ErasePerson", func() error { return x.AuditEraser.ErasePerson(ctx, id, progress) })
}

// copied returns a shallow copy, which suffices for values that changes replace as a whole.
func copied[T any](thing *T) T { return *thing }
