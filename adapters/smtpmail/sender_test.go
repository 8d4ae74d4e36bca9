package smtpmail_test

import (
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/ostiary/ostiary/adapters/smtpmail"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.Sender = (*smtpmail.Sender)(nil)

func newSender(t *testing.T, server *mailServer, change func(*smtpmail.Config)) *smtpmail.Sender {
	t.Helper()
	cfg := smtpmail.Config{
		Address: server.Address, Username: serverUser, Password: serverPassword, From: "Ostiary <accounts@example.org>",
		TLS: smtpmail.StartTLS, CAFile: server.CAFile, Timeout: 10 * time.Second,
	}
	if change != nil {
		change(&cfg)
	}
	sender, err := smtpmail.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return sender
}

func email() domain.EmailMessage {
	return domain.EmailMessage{
		ID: "msg_1", To: "john@example.com", Name: "Jöhn Doe", Subject: "Reset your password — žluť",
		Text: "Open this link:\n\nhttps://id.example.com/reset?token=abc_def-123\n\n" +
			strings.Repeat("A long line without an end. ", 20) + "\n.\nThe end.\n",
	}
}

func TestSendDeliversTheMessage(t *testing.T) {
	t.Parallel()
	plain := func(s *mailServer, server *smtp.Server) {
		s.NoAuth, server.TLSConfig, server.AllowInsecureAuth = true, nil, true
	}
	tests := map[string]struct {
		fromTheFirstByte bool
		setUp            func(*mailServer, *smtp.Server)
		change           func(*smtpmail.Config)
		wantTLS          bool
		wantUser         string
	}{
		"under STARTTLS":               {false, nil, nil, true, serverUser},
		"under TLS from the beginning": {true, nil, func(c *smtpmail.Config) { c.TLS = smtpmail.TLS }, true, serverUser},
		"without authentication": {
			false, func(s *mailServer, _ *smtp.Server) { s.NoAuth = true },
			func(c *smtpmail.Config) { c.Username, c.Password = "", "" }, true, "",
		},
		"without encryption on this machine": {
			false, plain, func(c *smtpmail.Config) { c.TLS, c.Username, c.Password = smtpmail.None, "", "" }, false, "",
		},
		"without encryption and with a password": {
			false, plain, func(c *smtpmail.Config) { c.TLS = smtpmail.None }, false,
			serverUser,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, tt.fromTheFirstByte, tt.setUp)
			if err := newSender(t, server, tt.change).Send(t.Context(), email()); err != nil {
				t.Fatal(err)
			}
			mails := server.Mails()
			if len(mails) != 1 {
				t.Fatalf("%d mails arrived, want 1", len(mails))
			}
			if mails[0].TLS != tt.wantTLS || mails[0].User != tt.wantUser {
				t.Errorf("it came with TLS %v from %q", mails[0].TLS, mails[0].User)
			}
			checkEmail(t, mails[0])
		})
	}
}

// TestTheServerIsGreetedByTheConfiguredName: a container's own name is none that Postfix takes.
func TestTheServerIsGreetedByTheConfiguredName(t *testing.T) {
	t.Parallel()
	for _, tls := range []string{smtpmail.StartTLS, smtpmail.TLS} {
		server := startServer(t, tls == smtpmail.TLS, nil)
		sender := newSender(t, server, func(c *smtpmail.Config) { c.TLS, c.Hello = tls, "id.example.org" })
		if err := sender.Send(t.Context(), email()); err != nil {
			t.Fatal(err)
		}
		if mails := server.Mails(); len(mails) != 1 || mails[0].Hello != "id.example.org" {
			t.Errorf("%s: EHLO said %q, want id.example.org", tls, mails[0].Hello)
		}
	}
}

func checkEmail(t *testing.T, got received) {
	t.Helper()
	for what, pair := range map[string][2]string{
		"the sender":              {got.From, "accounts@example.org"},
		"the receiver":            {got.To, "john@example.com"},
		"the header From":         {got.Header.Get("From"), `"Ostiary" <accounts@example.org>`},
		"the header Message-ID":   {got.Header.Get("Message-ID"), "<msg_1@example.org>"},
		"that a program wrote it": {got.Header.Get("Auto-Submitted"), "auto-generated"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if _, err := got.Header.Date(); err != nil {
		t.Errorf("the date is none: %v", err)
	}
	text := strings.ReplaceAll(got.Text, "=\n", "") // soft breaks of quoted-printable
	for _, want := range []string{"reset?token=3Dabc_def-123", "The end."} {
		if !strings.Contains(text, want) {
			t.Errorf("the text lacks %q:\n%s", want, got.Text)
		}
	}
}

func TestSendClassifiesErrors(t *testing.T) {
	t.Parallel()
	refuse := func(stage string, code int, enhanced smtp.EnhancedCode) func(*mailServer, *smtp.Server) {
		return func(s *mailServer, _ *smtp.Server) {
			s.Refuse[stage] = &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "about john@example.com"}
		}
	}
	tests := map[string]struct {
		setUp         func(*mailServer, *smtp.Server)
		change        func(*smtpmail.Config)
		undeliverable bool
	}{
		"an unknown receiver is for good":           {refuse("rcpt", 550, smtp.EnhancedCode{5, 1, 1}), nil, true},
		"a refused mail is for good":                {refuse("data", 554, smtp.EnhancedCode{5, 7, 1}), nil, true},
		"a full mailbox is not":                     {refuse("rcpt", 452, smtp.EnhancedCode{4, 2, 2}), nil, false},
		"grey-listing is not":                       {refuse("rcpt", 450, smtp.EnhancedCode{4, 7, 1}), nil, false},
		"a busy server is not":                      {refuse("data", 451, smtp.EnhancedCode{4, 3, 0}), nil, false},
		"a refused sender is the operator's to fix": {refuse("mail", 550, smtp.EnhancedCode{5, 7, 1}), nil, false},
		"so is a wrong password":                    {nil, func(c *smtpmail.Config) { c.Password = "wrong" }, false},
		"so is a missing one": {
			nil, func(c *smtpmail.Config) { c.Username, c.Password = "", "" },
			false,
		},
		"so is a certificate of a stranger": {nil, func(c *smtpmail.Config) { c.CAFile = "" }, false},
		"so is a server without STARTTLS": {
			func(_ *mailServer, server *smtp.Server) { server.TLSConfig, server.AllowInsecureAuth = nil, true }, nil, false,
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startServer(t, false, tt.setUp)
			err := newSender(t, server, tt.change).Send(t.Context(), email())
			if err == nil || errors.Is(err, domain.ErrUndeliverable) != tt.undeliverable {
				t.Fatalf("Send = %v, want undeliverable %v", err, tt.undeliverable)
			}
			if strings.Contains(err.Error(), "john") || strings.Contains(err.Error(), serverPassword) {
				t.Errorf("the error reveals too much: %v", err)
			}
			if n := len(server.Mails()); n != 0 {
				t.Errorf("%d mails arrived", n)
			}
		})
	}
}

func TestSendRefusesInvalidAddresses(t *testing.T) {
	t.Parallel()
	server := startServer(t, false, nil)
	sender := newSender(t, server, nil)
	for _, to := range []string{
		"", "john", "john@example.com\r\nBcc: evil@example.com", "a@b.example, c@d.example",
		"John <john@example.com>",
	} {
		l := email()
		l.To = to
		if err := sender.Send(t.Context(), l); !errors.Is(err, domain.ErrUndeliverable) {
			t.Errorf("Send to %q = %v, want domain.ErrUndeliverable", to, err)
		}
	}
	if n := len(server.Mails()); n != 0 {
		t.Errorf("%d mails arrived", n)
	}
}

func TestHeadersCannotBeForged(t *testing.T) {
	t.Parallel()
	server := startServer(t, false, nil)
	l := email()
	l.Subject, l.Name = "Hello\r\nBcc: evil@example.com", "John\r\nX-Evil: 1"
	if err := newSender(t, server, nil).Send(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	got := server.Mails()[0]
	if got.Header.Get("Bcc") != "" || got.Header.Get("X-Evil") != "" {
		t.Errorf("headers were forged: %v", got.Header)
	}
}

func TestSendGivesUpOnASilentServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	accepted := make(chan net.Conn, 1)
	go func() {
		if c, err := listener.Accept(); err == nil {
			accepted <- c
		}
	}()
	sender := newSender(t, &mailServer{Address: listener.Addr().String()},
		func(c *smtpmail.Config) { c.Timeout = time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- sender.Send(ctx, email()) }()
	c := <-accepted // it is connected, and will never be greeted
	cancel()
	if err := <-done; err == nil || errors.Is(err, domain.ErrUndeliverable) {
		t.Errorf("Send = %v, want an error to try again", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection is still in use")
	}
}

func TestSendReportsAnUnreachableServer(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	err = newSender(t, &mailServer{Address: address}, nil).Send(t.Context(), email())
	if err == nil || errors.Is(err, domain.ErrUndeliverable) {
		t.Errorf("Send = %v, want an error to try again", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	good := smtpmail.Config{Address: "mail.example.org:587", From: "accounts@example.org", TLS: smtpmail.StartTLS}
	for name, spoil := range map[string]func(*smtpmail.Config){
		"an address without a port":          func(c *smtpmail.Config) { c.Address = "mail.example.org" },
		"a port that is none":                func(c *smtpmail.Config) { c.Address = "mail.example.org:smtp" },
		"a sender that is no address":        func(c *smtpmail.Config) { c.From = "Ostiary" },
		"no encryption to another machine":   func(c *smtpmail.Config) { c.TLS = smtpmail.None },
		"an encryption that is none":         func(c *smtpmail.Config) { c.TLS = "ssl" },
		"an authority's file that is absent": func(c *smtpmail.Config) { c.CAFile = "/absent" },
		"an authority's file without one":    func(c *smtpmail.Config) { c.CAFile = "sender_test.go" },
	} {
		cfg := good
		spoil(&cfg)
		if _, err := smtpmail.New(cfg); err == nil {
			t.Errorf("New took %s", name)
		}
	}
	if _, err := smtpmail.New(good); err != nil {
		t.Error(err)
	}
}
