package httpserver

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/ostiary/ostiary/ports"
)

// certificate is a certificate in files that other programs renew: a new one is loaded while the server runs.
type certificate struct {
	certFile, keyFile string
	clock             ports.Clock
	log               *zap.Logger

	mu      sync.Mutex
	present *tls.Certificate
	written time.Time // the later of the files' times when present was read
	checked time.Time
}

// checkInterval limits how often the files are checked, for any number of connections.
const checkInterval = 10 * time.Second

// TLSFiles returns a TLS configuration with the certificate and key in two PEM files, for Config.TLS. New files are
// loaded within ten seconds; files that do not match are logged, and the previous certificate remains in use.
func TLSFiles(certFile, keyFile string, clock ports.Clock, log *zap.Logger) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, clock: clock, log: log, checked: clock.Now()}
	var err error
	if c.written, err = c.newest(); err != nil {
		return nil, fmt.Errorf("http server: %w", err)
	}
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, fmt.Errorf("http server: certificate: %w", err)
	}
	c.present = &pair
	return &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: c.get}, nil
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.clock.Now(); now.Sub(c.checked) >= checkInterval {
		c.checked = now
		c.renew()
	}
	return c.present, nil
}

func (c *certificate) renew() {
	written, err := c.newest()
	if err == nil && written.Equal(c.written) {
		return
	}
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		c.log.Warn("the new certificate cannot be used; the one before stays", zap.Error(err))
		return
	}
	c.present, c.written = &pair, written
	c.log.Info("the certificate was renewed")
}

func (c *certificate) newest() (time.Time, error) {
	var newest time.Time
	for _, name := range []string{c.certFile, c.keyFile} {
		info, err := os.Stat(name)
		if err != nil {
			return newest, err
		}
		if info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest, nil
}
