package domain

import (
	"errors"
	"time"
)

// Outbox is what leaves with a change: the audit entries and the messages to people. A store writes it in the same step as
// the change, so that neither exists without the other.
type Outbox struct {
	Entries  []AuditEntry
	Messages []Message
}

// Record adds audit entries.
func (o *Outbox) Record(entries ...AuditEntry) { o.Entries = append(o.Entries, entries...) }

// Send adds messages.
func (o *Outbox) Send(messages ...Message) { o.Messages = append(o.Messages, messages...) }

// Channel is how a message goes out.
type Channel string

// The channels.
const (
	ChannelMail Channel = "mail"
	ChannelSMS  Channel = "sms"
)

// Message is a mail or SMS on its way. It is kept until it was handed over, and tried again while that fails.
type Message struct {
	ID        MessageID
	Channel   Channel
	UserID    UserID // whom it is for; a purge drops it
	Payload   []byte // sealed: receiver, subject and text, which may hold a one-time token
	CreatedAt time.Time
	ExpiresAt time.Time // not sent after this
	Attempts  int
	NextTry   time.Time
	LastError string
}

// ErrUnchanged ends an update that has nothing to change: the store writes nothing and returns what stands there.
var ErrUnchanged = errors.New("nothing to change")
