package console

import (
	"bufio"
	"context"
	"io"
	"strings"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
)

// AuditVerify proves the audit log of the store. An export is proved by VerifyExport, which needs no service.
var AuditVerify = Define[AuditTrust, AuditReport]("audit.verify")

// AuditRetain removes the oldest part of the audit log.
var AuditRetain = Define[AuditCutInput, AuditCut]("audit.retain")

// AuditCutInput says what is old enough.
type AuditCutInput struct {
	Before time.Time `json:"before"`
}

// AuditCut is what was removed: whole segments, up to the entry at a place. Zero members: nothing was old enough.
type AuditCut struct {
	Segment int64 `json:"segment"`
	Last    int64 `json:"last"`
}

// AuditTrust is what was stored out of reach of anyone who could have changed the log.
type AuditTrust struct {
	Key string `json:"key,omitempty"` // must have signed; empty accepts the key that comes along
	// Checkpoints must lie on the log: the lines of the file that audit.checkpoint.file names.
	Checkpoints []string `json:"checkpoints,omitempty"`
}

// AuditReport is what was found. The log is whole when Damage is nil.
type AuditReport struct {
	Entries  int64  `json:"entries"`
	Segments int64  `json:"segments"`
	First    int64  `json:"first"`
	Last     int64  `json:"last"`
	Complete bool   `json:"complete"` // every entry between First and Last is there
	Erased   int64  `json:"erased"`   // entries whose personal data was erased
	Unsealed int64  `json:"unsealed"` // written after the last segment; they cannot be proved yet
	Key      string `json:"key"`
	// VerifierKey is the key as tools for signed notes (c2sp.org/signed-note) take it.
	VerifierKey string       `json:"verifier_key,omitempty"`
	Damage      *AuditDamage `json:"damage"`
}

// AuditDamage is the first damage. Zero members are unknown.
type AuditDamage struct {
	Kind     string `json:"kind"` // changed, removed, added, moved; proof for what proves the entries, unproved for a file without
	Seq      int64  `json:"seq,omitempty"`
	ID       string `json:"id,omitempty"`
	Line     int64  `json:"line,omitempty"`
	Reason   string `json:"reason"`
	Sentence string `json:"sentence"`
}

func (t AuditTrust) parse() (audit.Trust, error) { return audit.ParseTrust(t.Key, t.Checkpoints) }

func reportOf(r audit.Report) AuditReport {
	out := AuditReport{
		Entries: r.Entries, Segments: r.Segments, First: r.First, Last: r.Last, Complete: r.Complete, Erased: r.Erased,
		Unsealed: r.Unsealed, Key: r.Key,
	}
	if r.Key != "" {
		out.VerifierKey = auditformat.VerifierKey(r.Key)
	}
	if f := r.Finding; f != nil {
		out.Damage = &AuditDamage{
			Kind: string(f.Damage), Seq: f.Seq, ID: string(f.ID), Line: f.Line, Reason: f.Reason, Sentence: f.String(),
		}
	}
	return out
}

// VerifyExport proves an export that POST /audit/export has written, or the file of a checkpoint sink, without a service and in constant memory.
func VerifyExport(file io.ReaderAt, size int64, trust AuditTrust) (AuditReport, error) {
	parsed, err := trust.parse()
	if err != nil {
		return AuditReport{}, err
	}
	report, err := audit.VerifyFile(file, size, parsed)
	return reportOf(report), err
}

// ReadCheckpoints reads the lines of a checkpoint file. Entries that were streamed between them are passed over.
func ReadCheckpoints(file io.Reader) ([]string, error) {
	var all []string
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 1<<20) // an entry may be longer than what a scanner takes by itself
	for lines.Scan() {
		if text := lines.Text(); text != "" && !strings.HasPrefix(text, `{"entry":`) {
			all = append(all, lines.Text())
		}
	}
	return all, lines.Err()
}

type logs struct {
	verifier *audit.StoreVerifier
	service  *audit.Service
}

func (l logs) retain(ctx context.Context, call Call, in AuditCutInput) (AuditCut, error) {
	cut, err := l.service.Retain(ctx, call.By, in.Before)
	return AuditCut{Segment: cut.Segment, Last: cut.Last}, err
}

func (l logs) verify(ctx context.Context, call Call, in AuditTrust) (AuditReport, error) {
	trust, err := in.parse()
	if err != nil {
		return AuditReport{}, err
	}
	report, err := l.verifier.VerifyFor(ctx, call.By, trust, func(int64) {})
	return reportOf(report), err
}
