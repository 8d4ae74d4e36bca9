//go:build !race

// hanging_test.go has the reason for the build constraint.

package mongostore_test

import (
	"context"
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/faultproxy"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// behindProxy opens a store that reaches MongoDB through the proxy.
func behindProxy(t *testing.T, timeout time.Duration) (*mongostore.Store, *faultproxy.Proxy) {
	t.Helper()
	server := mongod.Start(t)
	proxy := faultproxy.New(t, server.Members[0].Address)
	address := url.URL{Scheme: "mongodb", Host: "127.0.0.1:" + proxy.Port(), Path: "/", RawQuery: "directConnection=true"}
	s, err := mongostore.Open(t.Context(), mongostore.Config{
		URI: address.String(), Database: "ostiary", Clock: newClock(), NoTTL: true, Timeout: timeout,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close(context.Background()) }) // fails while the proxy is broken
	return s, proxy
}

// request returns the context of a request as the HTTP server makes it.
func request(t *testing.T) context.Context {
	t.Helper()
	return context.WithValue(t.Context(), ports.StorageTimeKey{}, new(ports.StorageTime))
}

func get(ctx context.Context, s *mongostore.Store) error {
	_, err := s.Users().Get(ctx, "usr_1")
	return err
}

// TestCallsOfRequestDoNotAddUp makes ten calls of one request to a server that answers each within its limit, or not at
// all.
func TestCallsOfRequestDoNotAddUp(t *testing.T) {
	t.Parallel()
	const timeout = 2 * time.Second
	for name, slow := range map[string]func(*faultproxy.Proxy){
		"slow server":    func(p *faultproxy.Proxy) { p.Delay.Store(int64(timeout * 4 / 5)) },
		"hanging server": func(p *faultproxy.Proxy) { p.Silent.Store(true) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, proxy := behindProxy(t, timeout)
			slow(proxy)
			ctx, began, answered := request(t), time.Now(), 0
			for range 10 {
				err := get(ctx, s)
				switch {
				case errors.Is(err, domain.ErrUserNotFound):
					answered++
				case !errors.Is(err, fault.ErrStorage):
					t.Fatalf("Get = %v, want fault.ErrStorage", err)
				}
			}
			if answered > 2 {
				t.Errorf("%d calls were answered in the time of two and a half", answered)
			}
			if took := time.Since(began); took > 3*timeout {
				t.Errorf("ten calls took %v, want at most twice the timeout, %v", took, 2*timeout)
			}
			proxy.Heal()
			for errors.Is(get(request(t), s), fault.ErrStorage) { // until the driver finds the server again
			}
		})
	}
}

// TestLongOperationIsNotLimitedByRequest: its calls may take any time together.
func TestLongOperationIsNotLimitedByRequest(t *testing.T) {
	t.Parallel()
	s, proxy := behindProxy(t, 2*time.Second)
	proxy.Delay.Store(int64(time.Second))
	ctx := ports.WithoutStorageTime(request(t))
	for i := range 6 {
		if err := get(ctx, s); !errors.Is(err, domain.ErrUserNotFound) {
			t.Fatalf("call %d = %v, want an answer", i, err)
		}
	}
}
