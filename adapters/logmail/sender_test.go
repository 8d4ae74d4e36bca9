package logmail_test

import (
	"bytes"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/ostiary/ostiary/adapters/logmail"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.Sender = (*logmail.Sender)(nil)

func TestSendWritesTheMessageWithAWarning(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sender := logmail.New(domain.ChannelMail, &out)
	if sender.Channel() != domain.ChannelMail {
		t.Errorf("the channel is %q", sender.Channel())
	}
	err := sender.Send(t.Context(), domain.EmailMessage{
		To: "john@example.com", Subject: "Reset\nTo: evil@example.com",
		Text: "Open\n\n\x1b[2Jhttps://id.example.com/reset?token=abc\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	got := out.String()
	for _, want := range []string{
		"NOT SENT: mail.driver is \"log\"", "secret", "To:      john@example.com\n",
		"https://id.example.com/reset?token=abc\n",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("it lacks %q:\n%s", want, got)
		}
	}
	if strings.Contains(got, "\x1b") || strings.Contains(got, "\nTo: evil") {
		t.Errorf("an email can forge what the terminal shows:\n%q", got)
	}
}

func TestMessagesAreWrittenAtomically(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	sender := logmail.New(domain.ChannelSMS, &out)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := sender.Send(t.Context(), domain.EmailMessage{
				To:   "+420123456789",
				Text: "123456 is your code",
			}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := strings.Count(out.String(), "To:      +420123456789\n\n123456 is your code\n-"); n != 50 {
		t.Errorf("%d of 50 emails are whole", n)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func TestSendReportsWriteErrors(t *testing.T) {
	t.Parallel()
	if err := logmail.New(domain.ChannelMail, broken{}).Send(t.Context(), domain.EmailMessage{}); err == nil {
		t.Error("an email that was not written counts as sent")
	}
}
