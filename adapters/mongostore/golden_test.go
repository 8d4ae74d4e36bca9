package mongostore_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// outboxID matches the random id of an item of an outbox.
var outboxID = regexp.MustCompile(`"id":"[0-9a-f]{24}"`)

// text formats commands: the name, the collection, then each member on a line.
func text(t *testing.T, commands []mongotap.Command) string {
	t.Helper()
	var b strings.Builder
	for _, c := range commands {
		fmt.Fprintf(&b, "%s %s\n", c.Name, c.Collection)
		for _, e := range c.Body[1:] {
			raw, err := bson.MarshalExtJSON(bson.D{e}, false, false)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "  %s\n", outboxID.ReplaceAll(raw, []byte(`"id":"ANY"`)))
		}
	}
	return b.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name+".golden")
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("commands differ from %s (-want +got; -update rewrites it):\n%s", path, diff)
	}
}

// commandsOf returns the commands sent by do, except for the clearing of outboxes, which happens at some time
// afterwards.
func commandsOf(t *testing.T, s *mongostore.Store, server *mongotap.Server, do func()) []mongotap.Command {
	t.Helper()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	server.Forget()
	do()
	var sent []mongotap.Command
	for _, c := range server.Commands() {
		if !isClearing(c) {
			sent = append(sent, c)
		}
	}
	return sent
}

func isClearing(c mongotap.Command) bool {
	return c.Name == "update" && strings.Contains(fmt.Sprint(c.Body), "outbox.id")
}

func TestGoldenVerifyIsOneRoundTrip(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := openOwn(t, server)
	signIn(t, s)
	if _, err := s.CatalogStore().Catalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	sent := commandsOf(t, s, server, func() {
		live, err := s.View().Lookup(t.Context(), "sess_1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.CatalogStore().CatalogAt(t.Context(), live.Catalog); err != nil {
			t.Fatal(err)
		}
		if err := s.View().Touch(t.Context(), "sess_1", newClock().Now()); err != nil {
			t.Fatal(err)
		}
	})
	if len(sent) != 1 {
		t.Errorf("verification took %d round trips, want 1", len(sent))
	}
	golden(t, "verify", text(t, sent))
}

func TestGoldenLoginLookupIsOneRoundTripForAnyName(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := openOwn(t, server)
	signIn(t, s)
	if _, err := s.CatalogStore().Catalog(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"ada", "nobody"} {
		sent := commandsOf(t, s, server, func() {
			look, err := s.View().LookupLogin(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.CatalogStore().CatalogAt(t.Context(), look.Catalog); err != nil {
				t.Fatal(err)
			}
			if key == "ada" && (look.User.UsernameKey != key || len(look.Sessions) != 1) {
				t.Errorf("LookupLogin returned user %q and %d sessions", look.User.UsernameKey, len(look.Sessions))
			}
		})
		if len(sent) != 1 {
			t.Errorf("LookupLogin took %d round trips, want 1", len(sent))
		}
		golden(t, "login_"+key, text(t, sent))
	}
}

func TestGoldenRefreshIsOneConditionalWriteAndItsInvalidation(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := openOwn(t, server)
	signIn(t, s)
	sent := commandsOf(t, s, server, func() {
		if _, err := s.View().Lookup(t.Context(), "sess_1"); err != nil {
			t.Fatal(err)
		}
		_, err := s.Sessions().Update(t.Context(), "sess_1", func(x *domain.Session, _ *domain.Outbox) error {
			x.Refresh.Counter++
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
	if len(sent) != 3 || sent[1].Name != "update" || sent[2].Name != "findAndModify" {
		t.Errorf("a refresh took %d round trips, want the lookup, one conditional write and its invalidation", len(sent))
	}
	golden(t, "refresh", text(t, sent))
}

func TestGoldenTokensAndLimitsAreOneConditionalWrite(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := openOwn(t, server)
	now := newClock().Now()
	sent := commandsOf(t, s, server, func() {
		if err := s.SingleUseStore().Put(t.Context(), "state:x", []byte("flow"), now.Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		if _, err := s.SingleUseStore().Consume(t.Context(), "state:x", now); err != nil {
			t.Fatal(err)
		}
		if _, err := s.RateLimiter().Take(t.Context(), "login:192.0.2.1", domain.Rate{Limit: 5, Window: time.Minute},
			now); err != nil {
			t.Fatal(err)
		}
		if err := s.AdminGuard().Join(t.Context(), "usr_1", "usr_2"); err != nil {
			t.Fatal(err)
		}
		if err := s.AdminGuard().Leave(t.Context(), "usr_2"); err != nil {
			t.Fatal(err)
		}
	})
	if len(sent) != 5 {
		t.Errorf("five decisions took %d round trips, want 5", len(sent))
	}
	golden(t, "decisions", text(t, sent))
}
