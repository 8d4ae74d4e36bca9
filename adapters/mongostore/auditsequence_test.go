package mongostore_test

import (
	"context"
	"fmt"
	"maps"
	"math"
	"strconv"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// sealedLog is a store with the sealed entries log_0001 and so on, and its verifier.
type sealedLog struct {
	store    *mongostore.Store
	verifier *audit.StoreVerifier
	seal     func()
	entries  *mongo.Collection
}

func newSealedLog(t *testing.T, count int) sealedLog {
	t.Helper()
	server := mongotap.Start(t)
	store := openOwn(t, server)
	sealer, err := keyring.NewSealer([]keyring.Key{keyring.NewKey()})
	if err != nil {
		t.Fatal(err)
	}
	log := store.Audit()
	signer := audit.NewSigner(log, sealer)
	marker, err := signer.Marker(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store.MarkEntries(marker)
	batch := make([]domain.AuditEntry, count)
	for i := range batch {
		batch[i] = entry(fmt.Sprintf("%04d", i+1), domain.ActionLogin)
	}
	if err := log.Append(t.Context(), batch...); err != nil {
		t.Fatal(err)
	}
	sequencer := audit.NewSequencer(log, signer, newClock())
	seal := func() {
		if _, err := sequencer.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	seal()
	client, err := mongo.Connect(options.Client().ApplyURI(server.URI()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	entries := client.Database(server.Database).Collection("audit")
	return sealedLog{store, audit.NewStoreVerifier(log, log, signer), seal, entries}
}

// copy inserts a copy of an entry under another document ID, with the fields of set replaced.
func (l sealedLog) copy(t *testing.T, id, as string, set bson.M) {
	t.Helper()
	var doc bson.M
	if err := l.entries.FindOne(t.Context(), bson.M{"_id": id}).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	doc["_id"] = as
	maps.Copy(doc, set)
	if _, err := l.entries.InsertOne(t.Context(), doc); err != nil {
		t.Fatal(err)
	}
}

func (l sealedLog) finding(t *testing.T) *audit.Finding {
	t.Helper()
	report, err := l.verifier.Verify(t.Context(), audit.Trust{})
	if err != nil {
		t.Fatal(err)
	}
	return report.Finding
}

func TestVerifyReportsDuplicateSequenceNumbers(t *testing.T) {
	t.Parallel()
	const batch = 500 // size of one query: a duplicate of its last number must be read as well
	for _, seq := range []int64{7, batch, batch + 3} {
		t.Run(strconv.FormatInt(seq, 10), func(t *testing.T) {
			t.Parallel()
			l := newSealedLog(t, batch+5)
			l.copy(t, fmt.Sprintf("log_%04d", seq), fmt.Sprintf("log_%04dx", seq), nil)
			if f := l.finding(t); f == nil || f.Damage != audit.DamageAdded && f.Damage != audit.DamageChanged || f.Seq != seq {
				t.Errorf("Finding = %v, want one at %d", f, seq)
			}
		})
	}
}

func TestVerifyReportsEntryBelowFirstSequenceNumber(t *testing.T) {
	t.Parallel()
	l := newSealedLog(t, 5)
	l.copy(t, "log_0002", "log_x", bson.M{"seq": int64(-7)})
	if f := l.finding(t); f == nil || f.Damage != audit.DamageAdded || f.Seq != -7 {
		t.Errorf("Finding = %v, want added at -7", f)
	}
}

// TestVerifyReportsEntryWithoutSequenceNumber adds entries directly to the database that List returns and no segment
// could contain.
func TestVerifyReportsEntryWithoutSequenceNumber(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bson.M{
		"absent": {"$unset": bson.M{"seq": ""}}, "null": {"$set": bson.M{"seq": nil}}, "text": {"$set": bson.M{"seq": "2"}},
	} {
		l := newSealedLog(t, 5)
		l.copy(t, "log_0002", "log_x", bson.M{"seq": int64(2)})
		if _, err := l.entries.UpdateOne(t.Context(), bson.M{"_id": "log_x"}, change); err != nil {
			t.Fatal(err)
		}
		if f := l.finding(t); f == nil || f.Damage != audit.DamageAdded || f.ID != "log_x" {
			t.Errorf("%s: Finding = %v, want log_x added", name, f)
		}
	}
}

func TestVerifyReportsUnsealedCopyWithValidMark(t *testing.T) {
	t.Parallel()
	l := newSealedLog(t, 12)
	l.copy(t, "log_0003", "log_x", bson.M{"seq": int64(0)})
	if f := l.finding(t); f == nil {
		t.Error("Finding before sealing = nil, want one")
	}
	l.seal()
	if f := l.finding(t); f == nil || f.Seq != 13 {
		t.Errorf("Finding after sealing = %v, want one at 13", f)
	}
}

func TestRecordsWithDuplicateSequenceNumbersAreReadOnce(t *testing.T) {
	t.Parallel()
	l := newSealedLog(t, 600)
	if _, err := l.entries.UpdateMany(t.Context(), bson.M{"seq": bson.M{"$gt": 20}},
		bson.M{"$set": bson.M{"seq": int64(20)}}); err != nil {
		t.Fatal(err)
	}
	seen := map[domain.LogID]int{}
	err := l.store.Audit().Records(t.Context(), 1, math.MaxInt64, domain.AuditQuery{}, func(r *auditformat.Record) error {
		seen[r.ID]++
		return nil
	})
	if err != nil || len(seen) != 600 {
		t.Fatalf("Records returned %d records, %v; want 600", len(seen), err)
	}
	for id, n := range seen {
		if n != 1 {
			t.Errorf("Records returned %s %d times, want once", id, n)
		}
	}
}
