//go:build unix

package httpserver_test

import (
	"io"
	"net"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/ports"
)

func TestHandlerDetectsADisconnectedClient(t *testing.T) {
	t.Parallel()
	const request = "GET " + prefix + "/wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
	tests := map[string]struct {
		after func(net.Conn) error // what the client does once it has sent its request
		want  bool
	}{
		"a client that waits is connected": {func(net.Conn) error { return nil }, false},
		"one that sends its next request as well": {func(c net.Conn) error {
			_,
				err := io.WriteString(c, request)
			return err
		}, false},
		"one that has closed is not": {net.Conn.Close, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, acted, got := make(chan struct{}, 2), make(chan struct{}), make(chan bool, 2)
			address, _ := start(t, httpserver.Config{},
				testAPI(get("/wait", httpserver.Public(), func(r *httpserver.Request) error {
					begun <- struct{}{}
					<-acted
					disconnected := ports.Disconnected(r.Context())
					for deadline := time.Now().Add(20 * time.Second); disconnected != tt.want && time.Now().Before(deadline); {
						disconnected = ports.Disconnected(r.Context()) // closing a connection takes a moment
					}
					got <- disconnected
					return r.JSON(http.StatusOK, struct{}{})
				})))
			conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, request); err != nil {
				t.Fatal(err)
			}
			<-begun
			if err := tt.after(conn); err != nil {
				t.Fatal(err)
			}
			close(acted)
			if disconnected := <-got; disconnected != tt.want {
				t.Errorf("the client has disconnected: %t, want %t", disconnected, tt.want)
			}
		})
	}
}

func TestHandlerContextHasTheClientNetwork(t *testing.T) {
	t.Parallel()
	source := make(chan string, 1)
	address, _ := start(t, httpserver.Config{TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}},
		testAPI(get("/source", httpserver.Public(), func(r *httpserver.Request) error {
			source <- ports.SourceOf(r.Context())
			return r.JSON(http.StatusOK, struct{}{})
		})))
	for forwarded, want := range map[string]string{
		"": "127.0.0.1", "192.0.2.7": "192.0.2.7",
		"2001:db8:1:2:3::4": "2001:db8:1:2::/64",
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+prefix+"/source", nil)
		if err != nil {
			t.Fatal(err)
		}
		if forwarded != "" {
			req.Header.Set("X-Forwarded-For", forwarded)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if got := <-source; got != want {
			t.Errorf("forwarded for %q: the source is %q, want %q", forwarded, got, want)
		}
	}
}
