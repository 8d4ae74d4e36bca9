package smtpmail_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// received is a mail as the server took it.
type received struct {
	From, To, User, Hello string
	TLS                   bool
	*mail.Message
	Text string
}

// mailServer is a real SMTP server in this process.
type mailServer struct {
	Address string
	CAFile  string
	// Refuse answers at a stage ("rcpt" or "data"), when it is set.
	Refuse map[string]error
	// NoAuth accepts email without authentication.
	NoAuth bool

	mu    sync.Mutex
	mails []received
}

const (
	serverUser     = "ostiary"
	serverPassword = "a mail password"
)

// startServer starts a server that speaks TLS by STARTTLS or from the first byte.
func startServer(t *testing.T, fromTheFirstByte bool, setUp func(*mailServer, *smtp.Server)) *mailServer {
	t.Helper()
	certificate, caFile := makeCertificate(t)
	s := &mailServer{CAFile: caFile, Refuse: map[string]error{}}
	server := smtp.NewServer(s)
	server.Domain = "mail.example.org"
	server.ErrorLog = discard{}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if fromTheFirstByte {
		listener = tls.NewListener(listener, config)
	} else {
		server.TLSConfig = config
	}
	if setUp != nil {
		setUp(s, server)
	}
	s.Address = listener.Addr().String()
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = listener.Close() // the server may not know of it yet
		_ = server.Close()
		<-served
	})
	return s
}

func (s *mailServer) Mails() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]received(nil), s.mails...)
}

func (s *mailServer) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	return &mailSession{server: s, mail: received{TLS: encrypted, Hello: c.Hostname()}}, nil
}

type mailSession struct {
	server *mailServer
	mail   received
}

func (s *mailSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *mailSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != serverUser || password != serverPassword {
			return smtp.ErrAuthFailed
		}
		s.mail.User = user
		return nil
	}), nil
}

func (s *mailSession) Mail(from string, _ *smtp.MailOptions) error {
	if s.mail.User == "" && !s.server.NoAuth {
		return smtp.ErrAuthRequired
	}
	s.mail.From = from
	return s.server.Refuse["mail"]
}

func (s *mailSession) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.mail.To = to
	return s.server.Refuse["rcpt"]
}

func (s *mailSession) Data(r io.Reader) error {
	if err := s.server.Refuse["data"]; err != nil {
		return err
	}
	message, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(message.Body)
	if err != nil {
		return err
	}
	got := s.mail
	got.Message, got.Text = message, strings.ReplaceAll(string(text), "\r\n", "\n")
	s.server.mu.Lock()
	s.server.mails = append(s.server.mails, got)
	s.server.mu.Unlock()
	return nil
}

func (s *mailSession) Reset() {
	s.mail = received{TLS: s.mail.TLS, User: s.mail.User, Hello: s.mail.Hello}
}
func (s *mailSession) Logout() error { return nil }

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// makeCertificate makes a certificate for this machine, and a PEM file with the authority that it is from: itself.
func makeCertificate(t *testing.T) (certificate tls.Certificate, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caFile
}
