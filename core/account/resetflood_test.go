package account_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

var (
	threeAnHour  = domain.Rate{Limit: 3, Window: time.Hour}
	twentyAnHour = domain.Rate{Limit: 20, Window: time.Hour}
)

func TestResetRequestsOfOneNetworkAreLimited(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{ResetRate: threeAnHour, ResetSource: twentyAnHour})
	s.Register(t, "ada", right, "user")
	for i := range 20 {
		state, err := s.Account.RequestReset(t.Context(), kit.From("2001:db8::1"), fmt.Sprintf("nobody%d@example.com", i))
		want := domain.RateState{Allowed: true, Limit: 3, Remaining: 2, Reset: time.Hour}
		if i >= 18 {
			want = domain.RateState{Allowed: true, Limit: 20, Remaining: 19 - i, Reset: time.Hour}
		}
		if err != nil || state != want {
			t.Fatalf("request %d: %+v, %v, want %+v", i, state, err, want)
		}
	}
	for _, address := range []string{"ada@example.com", "nobody@example.com"} {
		state, err := s.Account.RequestReset(t.Context(), kit.From("2001:db8::2"), address)
		if !errors.Is(err, fault.ErrRateLimited) || state.Limit != 20 || state.Remaining != 0 ||
			fault.Of(err).RetryAfter() != time.Hour {
			t.Errorf("%s from the same network: %+v, %v", address, state, err)
		}
	}
	state, err := s.Account.RequestReset(t.Context(), kit.From(home), "ada@example.com")
	if err != nil || state.Remaining != 2 {
		t.Errorf("refused requests of one network count against the address for another: %+v, %v", state, err)
	}
	s.Clock.Forward(time.Hour)
	if _, err := s.Account.RequestReset(t.Context(), kit.From("2001:db8::1"), "nobody@example.com"); err != nil {
		t.Errorf("an hour later: %v", err)
	}
}

func TestExemptNetworkHasNoResetSourceLimit(t *testing.T) {
	t.Parallel()
	s := kit.Start(t, kit.Options{
		ResetRate: threeAnHour, ResetSource: twentyAnHour, Exempt: domain.Networks{netip.MustParsePrefix("192.0.2.1/32")},
	})
	for i := range 30 {
		if _, err := s.Account.RequestReset(t.Context(), kit.From("192.0.2.1"),
			fmt.Sprintf("nobody%d@example.com", i)); err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
	}
	var err error
	for range 4 {
		_, err = s.Account.RequestReset(t.Context(), kit.From("192.0.2.1"), "ada@example.com")
	}
	if !errors.Is(err, fault.ErrRateLimited) {
		t.Errorf("fourth request for one address: %v", err)
	}
}

// countingDecoys counts decoys and records the last expiry.
type countingDecoys struct {
	ports.DecoyStore

	decoys  int
	expires time.Time
}

func (d *countingDecoys) WriteDecoy(ctx context.Context, entry *domain.AuditEntry, m domain.Message,
	expires time.Time,
) error {
	d.decoys++
	d.expires = expires
	return d.DecoyStore.WriteDecoy(ctx, entry, m, expires)
}

func TestRepeatedResetRefusalsShareAuditEntries(t *testing.T) {
	t.Parallel()
	decoys := &countingDecoys{}
	s := kit.Start(t, kit.Options{Ports: func(p *ports.Storage) { decoys.DecoyStore, p.Decoys = p.Decoys, decoys }})
	for i := range 50 {
		if _, err := s.Account.RequestReset(t.Context(), kit.From(home), fmt.Sprintf("nobody%d@example.com", i)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Account.RequestReset(t.Context(), kit.From("198.51.100.9"), "nobody@example.com"); err != nil {
		t.Fatal(err)
	}
	if got := len(s.Logged(t, domain.ActionPasswordResetRequest)); got != 2 {
		t.Fatalf("%d audit entries for 50 refusals from one network and one from another, want 2", got)
	}
	// Without a write the response would be faster than that for a user.
	if decoys.decoys != 51 || decoys.expires.Sub(s.Clock.Now()) > time.Minute {
		t.Errorf("%d of 51 refusals wrote a decoy, the last with expiry %s", decoys.decoys, decoys.expires)
	}
	s.Clock.Forward(time.Minute)
	if err := s.AuditAccess.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	entries := s.Logged(t, domain.ActionPasswordResetRequest)
	if len(entries) != 3 {
		t.Fatalf("%d entries, want 3", len(entries))
	}
	summaries := 0
	for _, entry := range entries {
		if entry.Success || entry.Details["reason"] != "no_such_address" {
			t.Errorf("%v, success %v", entry.Details, entry.Success)
		}
		if fmt.Sprint(entry.Details["more"]) == "49" && entry.IPAddress == home {
			summaries++
		}
	}
	if summaries != 1 {
		t.Errorf("%d entries summarize 49 refusals, want 1", summaries)
	}
}
