//go:build unix

package httpserver_test

import (
	"io"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/ports"
)

func TestAHandlerCanTellThatItsClientHasGone(t *testing.T) {
	t.Parallel()
	const request = "GET " + prefix + "/wait HTTP/1.1\r\nHost: localhost\r\n\r\n"
	tests := map[string]struct {
		after func(net.Conn) error // what the client does once it has sent its request
		want  bool
	}{
		"a client that waits is there":            {func(net.Conn) error { return nil }, true},
		"one that sends its next request as well": {func(c net.Conn) error { _, err := io.WriteString(c, request); return err }, true},
		"one that has closed is not":              {net.Conn.Close, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			begun, acted, seen := make(chan struct{}, 2), make(chan struct{}), make(chan bool, 2)
			address, _ := start(t, httpserver.Config{}, testAPI(get("/wait", httpserver.Public(), func(r *httpserver.Request) error {
				begun <- struct{}{}
				<-acted
				there := ports.IsThere(r.Context())
				for deadline := time.Now().Add(20 * time.Second); there != tt.want && time.Now().Before(deadline); {
					there = ports.IsThere(r.Context()) // the network takes its time
				}
				seen <- there
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
			if there := <-seen; there != tt.want {
				t.Errorf("the client is there: %t, want %t", there, tt.want)
			}
		})
	}
}
