package securityapi

import (
	"reflect"
	"testing"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/ostiary/ostiary/adapters/httpserver/nullable"
)

// TestVerifyResponseIsWrittenAsTheLibraryWritesIt compares the bytes. A member that the document adds to the response
// changes the number of fields, and fails the test until appendVerified writes it.
func TestVerifyResponseIsWrittenAsTheLibraryWritesIt(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 25, 3, 59, 21, 0, time.UTC)
	for name, v := range map[string]VerificationResult{
		"empty": {Permissions: []string{}, ExpiresAt: nullable.Null[time.Time](), SessionID: nullable.Null[string]()},
		"session": {
			Valid: true, UserID: "usr_1", Username: "ada", Role: "admin", Permissions: []string{"users.read", "users.manage"},
			ExpiresAt: nullable.Of(at), SessionID: nullable.Of("sess_1"),
		},
		"special characters": {
			Valid: true, UserID: "usr_1", Username: "a\"b\\c\u2028<é>\x01\U0001F600", Role: "rôle", Permissions: []string{"*"},
			ExpiresAt: nullable.Of(at.Add(time.Millisecond)), SessionID: nullable.Null[string](),
		},
	} {
		want, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendVerified(nil, v)); got != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	if n := reflect.TypeFor[VerificationResult]().NumField(); n != 7 {
		t.Errorf("the response has %d members, and appendVerified writes 7", n)
	}
}

func TestPermissionCheckIsWrittenAsTheLibraryWritesIt(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]PermissionCheck{
		"granted": {Granted: true, Permission: "users.read", Source: nullable.Of("group:d\u00e9v \"1\""), UserID: "usr_1"},
		"refused": {Permission: "users.read", Source: nullable.Null[string](), UserID: "usr_1", Reason: new("deactivated")},
	} {
		want, err := json.Marshal(v, json.Deterministic(true))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendPermissionCheck(nil, v)); got != string(want) {
			t.Errorf("%s:\n got %s\nwant %s", name, got, want)
		}
	}
	if n := reflect.TypeFor[PermissionCheck]().NumField(); n != 7 {
		t.Errorf("the response has %d members, and appendPermissionCheck knows 7", n)
	}
}
