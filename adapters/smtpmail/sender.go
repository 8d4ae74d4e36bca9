// Package smtpmail sends email through an SMTP server.
//
// Each email uses its own connection, with STARTTLS or TLS from the first byte; unencrypted only to this machine,
// since emails contain links that set passwords. A server that refuses the recipient or the email permanently (5xx to
// RCPT or DATA) makes it domain.ErrUndeliverable. Every other error, including wrong credentials of ours, is retried:
// the operator can fix it, and the email is sent then.
//
// The Message-ID is derived from the message's id, so that an email that is sent again after a crash is recognized as
// a duplicate.
package smtpmail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/ostiary/ostiary/core/domain"
)

// The ways to encrypt a connection.
const (
	StartTLS = "starttls"
	TLS      = "tls"
	None     = "none" // to a server on this machine only
)

// Config says which server takes the mail.
type Config struct {
	Address  string // host:port
	Username string // empty: without authentication
	Password string
	From     string // such as "Ostiary <accounts@example.org>"
	TLS      string // StartTLS, TLS or None
	CAFile   string // PEM; trusted beside the machine's own authorities
	Hello    string // the name in EHLO: a host name, or an address in brackets; empty: this machine's name
	Timeout  time.Duration
}

// Sender implements ports.Sender for mail. It is safe for concurrent use.
type Sender struct {
	cfg    Config
	host   string
	port   int
	from   *mail.Address
	domain string // of the From address, for Message-IDs
	tls    *tls.Config
}

// New returns a sender. It reads the CA file and makes no connection.
func New(cfg Config) (*Sender, error) {
	host, port, err := splitAddress(cfg.Address)
	if err != nil {
		return nil, err
	}
	from, err := mail.ParseAddress(cfg.From)
	if err != nil {
		return nil, errors.New("the sender of mails is no address")
	}
	switch {
	case cfg.TLS != StartTLS && cfg.TLS != TLS && cfg.TLS != None:
		return nil, errors.New("the encryption of mail is starttls, tls or none")
	case cfg.TLS == None && !domain.IsLoopbackHost(host):
		return nil, errors.New("mail is sent without encryption to this machine only")
	}
	_, fromDomain, _ := strings.Cut(from.Address, "@")
	s := &Sender{cfg: cfg, host: host, port: port, from: from, domain: fromDomain}
	s.tls = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	if s.tls.RootCAs, err = authorities(cfg.CAFile); err != nil {
		return nil, err
	}
	return s, nil
}

func splitAddress(address string) (host string, port int, err error) {
	host, digits, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(digits)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, errors.New("the address of the mail server is no host:port")
	}
	return host, port, nil
}

func authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil //nolint:nilnil // no pool means the machine's own to crypto/tls
	}
	pem, err := os.ReadFile(file) //nolint:gosec // the operator's own path
	if err != nil {
		return nil, fmt.Errorf("the mail server's authority: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("the mail server's authority: %s holds no PEM certificate", file)
	}
	return pool, nil
}

// Channel returns domain.ChannelMail.
func (s *Sender) Channel() domain.Channel { return domain.ChannelMail }

// Send sends the message to the server. A message that will never be accepted is domain.ErrUndeliverable. Errors
// contain the server's reply code and no address.
func (s *Sender) Send(ctx context.Context, email domain.EmailMessage) error {
	message, err := s.compose(email)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	// The library looks at ctx while it dials and no more, and leaves a connection open whose greeting failed.
	release := func() {}
	client, err := s.client(func(dialing context.Context, network, address string) (net.Conn, error) {
		connection, err := s.dial(dialing, network, address)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = connection.Close() })
		release = func() {
			stop()
			_ = connection.Close()
		}
		return connection, nil
	})
	if err != nil {
		return fmt.Errorf("preparing the connection to the mail server: %w", err)
	}
	defer func() { release() }()
	err = client.DialAndSendWithContext(ctx, message)
	if err == nil || message.IsDelivered() {
		return nil // the server has it; that it did not say good-bye changes nothing
	}
	return translate(err)
}

func (s *Sender) compose(email domain.EmailMessage) (*gomail.Msg, error) {
	message := gomail.NewMsg()
	message.FromMailAddress(s.from)
	if to, err := mail.ParseAddress(email.To); err != nil || to.Address != email.To ||
		strings.ContainsAny(email.To, "\r\n") {
		return nil, domain.ErrUndeliverable.Because(errors.New("the receiver is no address"))
	}
	message.ToMailAddress(&mail.Address{Name: email.Name, Address: email.To})
	message.Subject(email.Subject)
	message.SetDate()
	message.SetMessageIDWithValue(string(email.ID) + "@" + s.domain)
	// So that no holiday notice answers (RFC 3834).
	message.SetGenHeader("Auto-Submitted", "auto-generated")
	message.SetBodyString(gomail.TypeTextPlain, email.Text)
	return message, nil
}

func (s *Sender) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.TLSMandatory
	if s.cfg.TLS != StartTLS { // TLS is the dialer's work
		policy = gomail.NoTLS
	}
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.cfg.Timeout), gomail.WithTLSConfig(s.tls),
		gomail.WithDialContextFunc(dial),
		gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithTLSPolicy(policy),
	}
	if s.cfg.Hello != "" {
		options = append(options, gomail.WithHELO(s.cfg.Hello))
	}
	switch {
	case s.cfg.Username == "":
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthNoAuth))
	case s.cfg.TLS == None:
		options = append(options, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthPlainNoEnc, gomail.SMTPAuthLoginNoEnc))
	default:
		options = append(options, gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain,
			gomail.SMTPAuthLogin))
	}
	if s.cfg.Username != "" {
		options = append(options, gomail.WithUsername(s.cfg.Username), gomail.WithPassword(s.cfg.Password))
	}
	return gomail.NewClient(s.host, options...)
}

func (s *Sender) dial(ctx context.Context, network, address string) (net.Conn, error) {
	if s.cfg.TLS == TLS {
		return (&tls.Dialer{Config: s.tls}).DialContext(ctx, network, address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, address)
}

// translate keeps the number of the server's answer and drops its text, which quotes addresses.
func translate(err error) error {
	var refused *gomail.SendError
	if !errors.As(err, &refused) || refused.ErrorCode() == 0 {
		return fmt.Errorf("the mail server: %w", err)
	}
	answer := fmt.Errorf("the mail server answered %d %s", refused.ErrorCode(), refused.EnhancedStatusCode())
	about := []gomail.SendErrReason{gomail.ErrSMTPRcptTo, gomail.ErrSMTPData, gomail.ErrSMTPDataClose}
	if refused.ErrorCode() >= 500 && !refused.IsTemp() && slices.Contains(about, refused.Reason) {
		return domain.ErrUndeliverable.Because(answer)
	}
	return answer
}
