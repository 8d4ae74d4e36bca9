package domain

import (
	"errors"
	"time"
)

// Outbox holds the audit entries and messages of a change. A store writes it in the same step as the change, so that
// neither exists without the other.
type Outbox struct {
	Entries  []AuditEntry
	Messages []Message
}

// Record adds audit entries.
func (o *Outbox) Record(entries ...AuditEntry) { o.Entries = append(o.Entries, entries...) }

// Send adds messages.
func (o *Outbox) Send(messages ...Message) { o.Messages = append(o.Messages, messages...) }

// Channel is the delivery channel of a message.
type Channel string

// The channels.
const (
	ChannelMail Channel = "mail"
	ChannelSMS  Channel = "sms"
)

// Message is a queued email or SMS. It is stored until it is delivered, and delivery is retried after a failure.
type Message struct {
	ID        MessageID
	Channel   Channel
	UserID    UserID // the recipient; a purge deletes the message
	Payload   []byte // sealed: recipient, subject and text, which may contain a single-use token
	CreatedAt time.Time
	ExpiresAt time.Time // not sent after this
	Attempts  int
	NextTry   time.Time
	LastError string
}

// ErrUnchanged ends an update without changes: the store writes nothing and returns the stored value.
var ErrUnchanged = errors.New("nothing to change")
