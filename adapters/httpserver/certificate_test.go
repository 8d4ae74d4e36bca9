package httpserver_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/test/fixtures/testca"
)

type steppedClock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *steppedClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(time.Minute)
	return c.now
}

func newFiles(t *testing.T) testca.Files {
	t.Helper()
	files, err := testca.New(t.TempDir(), "localhost")
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func replaceFile(t *testing.T, name, by string) {
	t.Helper()
	content, err := os.ReadFile(by)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(name, later, later); err != nil {
		t.Fatal(err)
	}
}

// fetch asks over TLS, trusting one authority, on a connection of its own.
func fetch(t *testing.T, address, authority string) error {
	t.Helper()
	status, err := statusOver(t, address, authority)
	if err == nil && status != http.StatusOK {
		t.Errorf("answered %d", status)
	}
	return err
}

func statusOver(t *testing.T, address, authority string) (int, error) {
	t.Helper()
	pem, err := os.ReadFile(authority)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Transport: &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, ServerName: "localhost", MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}}
	answer, err := client.Get("https://" + address + "/healthz")
	if err != nil {
		return 0, err
	}
	return answer.StatusCode, answer.Body.Close()
}

func TestCertificateIsRenewedWhileTheServerRuns(t *testing.T) {
	t.Parallel()
	first, second := newFiles(t), newFiles(t)
	config, err := httpserver.TLSFiles(first.Cert, first.Key, &steppedClock{}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	address, _ := start(t, httpserver.Config{TLS: config})
	if err := fetch(t, address, first.CA); err != nil {
		t.Fatalf("with the first certificate: %v", err)
	}
	replaceFile(t, first.Cert, second.Cert)
	if err := fetch(t, address, first.CA); err != nil {
		t.Fatalf("with half of a new certificate in place, the first does not stay: %v", err)
	}
	replaceFile(t, first.Key, second.Key)
	if err := fetch(t, address, second.CA); err != nil {
		t.Fatalf("with the second certificate: %v", err)
	}
	if err := fetch(t, address, first.CA); err == nil {
		t.Error("the first certificate is still shown")
	}
}

func TestCertificateMustBeThere(t *testing.T) {
	t.Parallel()
	first, second := newFiles(t), newFiles(t)
	for name, files := range map[string][2]string{
		"no file":                 {"/nowhere.pem", first.Key},
		"a key of something else": {first.Cert, second.Key},
	} {
		if _, err := httpserver.TLSFiles(files[0], files[1], clock{}, zap.NewNop()); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}
