package audit_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/kit"
)

// heldAuditLog calls during, if set, before it appends.
type heldAuditLog struct {
	ports.AuditLog
	during func() error
}

func (h *heldAuditLog) Append(ctx context.Context, entries ...domain.AuditEntry) error {
	if h.during != nil {
		if err := h.during(); err != nil {
			return err
		}
	}
	return h.AuditLog.Append(ctx, entries...)
}

func newHeldAccess(t *testing.T) (*kit.Kit, *heldAuditLog, *audit.Access) {
	t.Helper()
	k := kit.New(t)
	auditLog := &heldAuditLog{AuditLog: k.Store.Audit()}
	return k, auditLog, audit.NewAccess(audit.NewWriter(k.IDs, k.Clock, auditLog), k.Clock)
}

func from(address string) domain.Principal {
	return domain.Anonymous(domain.Origin{Address: netip.MustParseAddr(address)})
}

func refuse(t *testing.T, auditLog *heldAuditLog, access *audit.Access, by domain.Principal) {
	t.Helper()
	if err := tryRefuse(t, auditLog, access, by); err != nil {
		t.Error(err)
	}
}

func tryRefuse(t *testing.T, auditLog *heldAuditLog, access *audit.Access, by domain.Principal) error {
	t.Helper()
	return access.Refused(by, domain.ActionPasswordResetRequest, "no_such_address",
		func(entry *domain.AuditEntry) error {
			if entry == nil {
				return nil
			}
			return auditLog.Append(t.Context(), *entry)
		})
}

// refusalsOf returns the number of refusals in the log.
func refusalsOf(t *testing.T, k *kit.Kit) (refusals int) {
	t.Helper()
	for _, e := range k.Entries(t) {
		if more, ok := e.Details["more"].(float64); ok {
			refusals += int(more)
			continue
		}
		refusals++
	}
	return refusals
}

func TestRefusalsDuringAFlushAreCounted(t *testing.T) {
	t.Parallel()
	for name, fails := range map[string]error{"that succeeds": nil, "that fails": fault.ErrStorage} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, auditLog, access := newHeldAccess(t)
			by := from("192.0.2.1")
			refuse(t, auditLog, access, by)
			refuse(t, auditLog, access, by)
			k.Clock.Forward(time.Minute)
			auditLog.during = func() error {
				auditLog.during = nil
				refuse(t, auditLog, access, by)
				refuse(t, auditLog, access, by)
				return fails
			}
			if err := access.Flush(t.Context(), false); !errors.Is(err, fails) {
				t.Fatalf("got error %v, want %v", err, fails)
			}
			k.Clock.Forward(time.Minute)
			if err := access.Flush(t.Context(), true); err != nil {
				t.Fatal(err)
			}
			if refusals := refusalsOf(t, k); refusals != 4 {
				t.Errorf("the log has %d refusals, want 4", refusals)
			}
		})
	}
}

func TestRefusalsWaitForTheFirstEntry(t *testing.T) {
	t.Parallel()
	k, auditLog, access := newHeldAccess(t)
	by := from("192.0.2.1")
	answered := make(chan error, 1)
	auditLog.during = func() error {
		auditLog.during = nil
		go func() {
			err := tryRefuse(t, auditLog, access, by)
			answered <- err
		}()
		select {
		case err := <-answered:
			t.Errorf("answered (%v) while the log was empty", err)
			answered <- err
		case <-time.After(100 * time.Millisecond):
		}
		return fault.ErrStorage
	}
	if err := tryRefuse(t, auditLog, access, by); !errors.Is(err,
		fault.ErrStorage) {
		t.Fatalf("got error %v, want %v", err, fault.ErrStorage)
	}
	if err := <-answered; err != nil && !errors.Is(err, fault.ErrStorage) {
		t.Errorf("the second: got error %v", err)
	} else if refusals := refusalsOf(t, k); err == nil && refusals != 1 {
		t.Errorf("the second was answered, and the log has %d", refusals)
	}
}

func TestCountOfManySourcesNamesNoSource(t *testing.T) {
	t.Parallel()
	k, auditLog, access := newHeldAccess(t)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 1300 {
				refuse(t, auditLog, access, from(fmt.Sprintf("10.%d.%d.%d", n, i/250, i%250)))
			}
		})
	}
	wg.Wait()
	if err := access.Flush(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if refusals := refusalsOf(t, k); refusals != 8*1300 {
		t.Errorf("the log has %d refusals, want %d", refusals, 8*1300)
	}
	for _, e := range k.Entries(t) {
		if e.Details["more"] != nil && e.IPAddress != "" {
			t.Errorf("%v refusals of several sources are those of %s", e.Details["more"], e.IPAddress)
		}
	}
}
