package auditformat_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/core/auditformat"
	"github.com/ostiary/ostiary/core/domain"
)

var (
	saltA = bytes.Repeat([]byte{1}, auditformat.SaltLength)
	saltB = bytes.Repeat([]byte{2}, auditformat.SaltLength)
)

func sampleEntry() domain.AuditEntry {
	return domain.AuditEntry{
		ID: "log_01", Time: time.Date(2024, 1, 15, 14, 30, 0, 5_000_000, time.UTC), UserID: "usr_a",
		Action:  domain.ActionLogin,
		Success: true, IPAddress: "192.168.1.100", UserAgent: "Mozilla/5.0 \"x\"", RequestID: "req\n1", Target: "usr_b",
		Details:  map[string]any{"method": "password", "list": []any{"a<b>", 1.0}},
		Personal: map[string]any{"username": "johndoe"},
	}
}

func record(t *testing.T, e domain.AuditEntry) auditformat.Record {
	t.Helper()
	r, err := auditformat.NewRecord(e, saltA, saltB)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestAuditRecordRoundTrip(t *testing.T) {
	t.Parallel()
	want := sampleEntry()
	r := record(t, want)
	if !json.Valid(r.Public) {
		t.Errorf("the sealed text is not JSON: %s", r.Public)
	}
	got, err := r.Entry()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the entry differs (-want +got):\n%s", diff)
	}
	if err := r.CheckOpening(); err != nil {
		t.Errorf("CheckOpening() = %v for an untouched record", err)
	}
}

// The text of version 1 is what old logs were signed over: it must never change.
func TestSealedTextIsStable(t *testing.T) {
	t.Parallel()
	r := record(t, sampleEntry())
	const want = `{"v":1,"log_id":"log_01","timestamp":"2024-01-15T14:30:00.005Z","user_id":"usr_a","action":"login","success":true,` +
		`"request_id":"req\u000a1","target_id":"usr_b","details":{"list":["a<b>",1],"method":"password"},` +
		`"actor_commitment":"byUyIU7cFMHhOs8lp8yzFELVlEJ6v4fQinVzdwyE6s4","personal_commitment":"WnUmiXAtk_CQgfczqNyWzVhBezbJDVeZs6CEXZHuDGQ"}`
	if diff := cmp.Diff(want, string(r.Public)); diff != "" {
		t.Errorf("the text differs (-want +got):\n%s", diff)
	}
}

func TestCommitmentsDetectChangedPersonalData(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*auditformat.Record){
		"another address":    func(r *auditformat.Record) { r.IPAddress = "192.168.1.101" },
		"another user agent": func(r *auditformat.Record) { r.UserAgent += "x" },
		"a byte moved between the two": func(r *auditformat.Record) {
			r.IPAddress, r.UserAgent = "192.168.1.100M",
				"ozilla/5.0 \"x\""
		},
		"other personal details":            func(r *auditformat.Record) { r.Personal = []byte(`{"username":"janedoe"}`) },
		"only the personal details removed": func(r *auditformat.Record) { r.Personal = nil },
		"only the actor salt removed":       func(r *auditformat.Record) { r.ActorSalt = nil },
		"the ID of another entry":           func(r *auditformat.Record) { r.ID = "log_02" },
		"only the personal salt removed":    func(r *auditformat.Record) { r.PersonalSalt = nil },
		"another salt":                      func(r *auditformat.Record) { r.ActorSalt = saltB },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := record(t, sampleEntry())
			change(&r)
			if err := r.CheckOpening(); err == nil {
				t.Error("CheckOpening() = nil, want an error")
			}
		})
	}
}

func TestErasureKeepsSealedText(t *testing.T) {
	t.Parallel()
	r := record(t, sampleEntry())
	leaf := r.Leaf()
	r.EraseActor()
	r.ErasePersonal()
	if err := r.CheckOpening(); err != nil {
		t.Errorf("CheckOpening() = %v after an erasure", err)
	}
	if r.Leaf() != leaf {
		t.Error("the leaf changed with the erasure")
	}
	for _, erased := range []string{"192.168.1.100", "Mozilla", "johndoe"} {
		if bytes.Contains(r.Public, []byte(erased)) {
			t.Errorf("%q is left in the sealed text", erased)
		}
	}
}

func FuzzParseAuditPublic(f *testing.F) {
	r, err := auditformat.NewRecord(sampleEntry(), saltA, saltB)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(r.Public))
	f.Add(`{"v":1,"log_id":"\u00e9"`)
	f.Fuzz(func(t *testing.T, text string) {
		p, err := auditformat.ParsePublic(text)
		if err != nil {
			return
		}
		if got := string(p.Append(nil)); got != text {
			t.Errorf("parsed %q and wrote %q", text, got)
		}
	})
}
