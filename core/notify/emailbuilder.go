package notify

import (
	"strings"
	"time"
	"unicode"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/opaquetoken"
	"github.com/ostiary/ostiary/core/sealed"
	"github.com/ostiary/ostiary/ports"
)

const (
	// product is the name of the service in messages.
	product = "Ostiary"
	// noticeFor is how long delivery of a message without a token is attempted.
	noticeFor = 72 * time.Hour
	// decoyFor is how long a decoy is stored.
	decoyFor = time.Minute
)

// Link returns the address of the page on which a user uses a token of the purpose.
type Link func(purpose domain.TokenPurpose, token string) string

// Identity is the sender of the messages.
type Identity struct {
	Host string // the name of the installation, such as id.example.com
	Link Link
}

// EmailBuilder builds the messages of the service. Each method returns the messages to put into the outbox of the
// change: one, or none if the user has no address. The error is that of the sealer. It is safe for concurrent use.
type EmailBuilder struct {
	who    Identity
	sealer ports.Sealer
	ids    ports.IDs
	clock  ports.Clock
}

// NewEmailBuilder returns an EmailBuilder.
func NewEmailBuilder(who Identity, sealer ports.Sealer, ids ports.IDs, clock ports.Clock) *EmailBuilder {
	return &EmailBuilder{who: who, sealer: sealer, ids: ids, clock: clock}
}

// Invite adds an activation token to the user and puts the email with the token into the outbox of the change that
// stores the user.
func (c *EmailBuilder) Invite(user *domain.User, out *domain.Outbox) error {
	now := c.clock.Now().UTC()
	text, token := opaquetoken.ForUser(user.ID, domain.TokenActivation, now)
	messages, err := c.Activation(*user, text, token.ExpiresAt)
	if err != nil {
		return err
	}
	user.AddToken(token, now)
	out.Send(messages...)
	return nil
}

// notice builds an email without a token to the user.
func (c *EmailBuilder) notice(user domain.User, subject string, paragraphs ...string) ([]domain.Message, error) {
	return c.mail(user, c.clock.Now().UTC().Add(noticeFor), subject, paragraphs...)
}

// mail builds an email to the user, which is not sent after until.
func (c *EmailBuilder) mail(
	user domain.User, until time.Time, subject string, paragraphs ...string,
) ([]domain.Message, error) {
	if user.Email == "" {
		return nil, nil
	}
	text := append(paragraphs, "-- \n"+product+", "+c.who.Host)
	return c.message(domain.ChannelMail, user.ID, until, domain.EmailMessage{
		To: user.Email, Name: plain(user.FullName), Subject: subject, Text: strings.Join(text, "\n\n") + "\n",
	})
}

func (c *EmailBuilder) message(channel domain.Channel, to domain.UserID, until time.Time,
	email domain.EmailMessage,
) ([]domain.Message, error) {
	now := c.clock.Now().UTC()
	id := domain.MessageID(c.ids.NewID(domain.MessagePrefix))
	email.ID = id
	box, err := sealed.Seal(c.sealer, binding(id), payload(email))
	if err != nil {
		return nil, err
	}
	return []domain.Message{{
		ID: id, Channel: channel, UserID: to, Payload: box, CreatedAt: now, ExpiresAt: until, NextTry: now,
	}}, nil
}

// payload is the content of a message as it is sealed.
type payload struct {
	ID      domain.MessageID `json:"id"`
	To      string           `json:"to"`
	Name    string           `json:"name,omitempty"`
	Subject string           `json:"subject,omitempty"`
	Text    string           `json:"text"`
}

// binding binds a sealed payload to its message, so that it does not open as another one.
func binding(id domain.MessageID) string { return "message|" + string(id) + "|payload" }

// plain removes characters that could forge a line or reverse the text direction. Names of external directories are
// not validated.
func plain(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, text))
}

func moment(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
