// Package logmail writes letters to the operator instead of sending them: the driver "log" of mail and SMS, for trying the
// service out.
//
// This is the one place that prints one-time tokens and codes: whoever reads what it writes can set the passwords in it. Each
// letter says so.
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
	mu      *sync.Mutex
	out     io.Writer
}

// New returns a sender for the channel that writes to out, which is the terminal or log of whoever runs the service.
func New(channel domain.Channel, out io.Writer) *Sender {
	return &Sender{channel: channel, mu: &sync.Mutex{}, out: out}
}

// Channel returns the channel that New was given.
func (s *Sender) Channel() domain.Channel { return s.channel }

// Send writes the letter, in one piece.
func (s *Sender) Send(_ context.Context, letter domain.Letter) error {
	const rule = "----------------------------------------------------------------------"
	var b strings.Builder
	fmt.Fprintf(&b, "%s\nNOT SENT: %s.driver is \"log\". What follows is secret and works.\nTo:      %s\n", rule, s.channel, line(letter.To))
	if letter.Subject != "" {
		fmt.Fprintf(&b, "Subject: %s\n", line(letter.Subject))
	}
	fmt.Fprintf(&b, "\n%s\n%s\n", strings.TrimRight(printable(letter.Text), "\n"), rule)

	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := io.WriteString(s.out, b.String()); err != nil {
		return fmt.Errorf("writing a letter to the log: %w", err)
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
