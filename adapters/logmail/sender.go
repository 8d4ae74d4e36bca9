// Package logmail prints messages for the operator instead of sending them: the driver "log" of email and SMS, for
// evaluation.
//
// It is the only code that prints one-time tokens and codes: a reader of its output can set the passwords of the
// users in it. Each message contains a warning.
package logmail

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"

	"github.com/ostiary/ostiary/core/domain"
)

// Sender implements ports.Sender. It is safe for concurrent use.
type Sender struct {
	channel domain.Channel
	mu      sync.Mutex
	out     io.Writer
}

// New returns a sender for the channel that writes to out, the terminal or log of the operator.
func New(channel domain.Channel, out io.Writer) *Sender {
	return &Sender{channel: channel, out: out}
}

// Channel returns the channel that New was given.
func (s *Sender) Channel() domain.Channel { return s.channel }

// Send writes the message in a single write.
func (s *Sender) Send(_ context.Context, email domain.EmailMessage) error {
	const rule = "----------------------------------------------------------------------"
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nNOT SENT: %s.driver is \"log\". What follows is secret and works.\nTo:      %s\n", rule,
		s.channel, line(email.To))
	if email.Subject != "" {
		fmt.Fprintf(&b, "Subject: %s\n", line(email.Subject))
	}
	fmt.Fprintf(&b, "\n%s\n%s\n", strings.TrimRight(printable(email.Text), "\n"), rule)

	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.WriteString(s.out, b.String()); err != nil {
		return fmt.Errorf("writing an email to the log: %w", err)
	}
	return nil
}

// line keeps a value on its line.
func line(text string) string { return strings.ReplaceAll(printable(text), "\n", " ") }

// printable drops what would do something to a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return -1
		}
		return r
	}, text)
}
