package notify_test

import (
	"bytes"
	"encoding/json"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ostiary/ostiary/adapters/linkpages"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/notify"
	"github.com/ostiary/ostiary/test/kit"
)

const token = "ost_abc/def+ghi=?&#"

var (
	john = domain.User{
		ID: "usr_1", Username: "john", Email: "john@example.com",
		Person: domain.Person{FullName: "John\r\nDoe\u202E"},
	}
	evil = domain.Origin{
		Address: netip.MustParseAddr("192.0.2.7"), UserAgent: "https://evil.example/",
		RequestID: "https://evil.example/",
	}
)

// opened returns the content of the only message.
func opened(t *testing.T, k *kit.Kit, messages []domain.Message, err error) domain.EmailMessage {
	t.Helper()
	if err != nil || len(messages) != 1 {
		t.Fatalf("%d messages, %v; want one", len(messages), err)
	}
	plain, err := k.Sealer.Open(messages[0].Payload, "message|"+string(messages[0].ID)+"|payload")
	if err != nil {
		t.Fatal(err)
	}
	var email struct {
		ID      domain.MessageID `json:"id"`
		To      string           `json:"to"`
		Name    string           `json:"name"`
		Subject string           `json:"subject"`
		Text    string           `json:"text"`
	}
	if err := json.Unmarshal(plain, &email); err != nil {
		t.Fatal(err)
	}
	return domain.EmailMessage(email)
}

func TestMessagesWithALink(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	until := kit.Noon.Add(30 * time.Minute)
	type compose func(user domain.User, token string, until time.Time) ([]domain.Message, error)
	for path, compose := range map[string]compose{
		"/activate": k.Emails.Activation, "/reset": k.Emails.PasswordReset, "/confirm-email": k.Emails.EmailConfirm,
	} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			messages, err := compose(john, token, until)
			email := opened(t, k, messages, err)
			messages[0].Payload = nil
			wantMessage := domain.Message{
				ID: email.ID, Channel: domain.ChannelMail, UserID: john.ID, CreatedAt: kit.Noon, ExpiresAt: until,
				NextTry: kit.Noon,
			}
			if diff := cmp.Diff(wantMessage, messages[0]); diff != "" {
				t.Errorf("the message (-want +got):\n%s", diff)
			}
			if email.To != "john@example.com" || email.Name != "JohnDoe" || email.Subject == "" {
				t.Errorf("the message is to %q <%s> about %q", email.Name, email.To, email.Subject)
			}
			want := "https://id.example.com" + path + "?token=" + url.QueryEscape(token)
			if link := linkIn(t, email.Text).String(); link != want {
				t.Errorf("the link is %s, want %s", link, want)
			}
			if !strings.Contains(email.Text, "2 March 2026, 12:30 UTC") {
				t.Errorf("the message does not state how long the link works:\n%s", email.Text)
			}
		})
	}
}

func linkIn(t *testing.T, text string) *url.URL {
	t.Helper()
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "http") {
			link, err := url.Parse(strings.TrimSpace(line))
			if err != nil {
				t.Fatal(err)
			}
			return link
		}
	}
	t.Fatalf("there is no link on a line of its own:\n%s", text)
	return nil
}

func TestMessagesContainNoRequestData(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	by := domain.Principal{Kind: domain.PrincipalUser, UserID: "usr_9", Username: "https://evil.example/", Origin: evil}
	composed := func(messages []domain.Message, err error) string {
		email := opened(t, k, messages, err)
		return email.Subject + "\n" + email.Text
	}
	for what, text := range map[string]string{
		"password":   composed(k.Emails.PasswordChanged(john, by)),
		"e-mail":     composed(k.Emails.EmailChanged(john, by)),
		"key":        composed(k.Emails.KeyCreated(john, "CI", by)),
		"2FA on":     composed(k.Emails.TwoFactorEnabled(john, by)),
		"2FA off":    composed(k.Emails.TwoFactorDisabled(john, by)),
		"reuse":      composed(k.Emails.RefreshReuse(john, evil)),
		"half login": composed(k.Emails.PartialLogin(john, evil)),
		"login":      composed(k.Emails.SignInAfterFailures(john, evil)),
	} {
		if strings.Contains(text, "evil") {
			t.Errorf("the message about %s contains request data:\n%s", what, text)
		}
		if !strings.Contains(text, "id.example.com") {
			t.Errorf("the message about %s does not name the address:\n%s", what, text)
		}
	}
}

func TestNoticesNameTheActor(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	for name, tt := range map[string]struct {
		by   domain.Principal
		want string
	}{
		"the user": {
			domain.Principal{Kind: domain.PrincipalUser, UserID: john.ID, Origin: evil},
			"changed from the address 192.0.2.7 on 2 March 2026, 12:00 UTC.",
		},
		"a reset link": {domain.Anonymous(evil), "changed from the address 192.0.2.7 on"},
		"an administrator": {
			domain.Principal{Kind: domain.PrincipalUser, UserID: "usr_9", Origin: evil},
			"changed by an administrator on",
		},
		"the command line": {domain.Operator(), "changed by an administrator on"},
		"a job":            {domain.System(), "changed by the service itself on"},
	} {
		messages, err := k.Emails.PasswordChanged(john, tt.by)
		if email := opened(t, k, messages, err); !strings.Contains(email.Text, tt.want) {
			t.Errorf("%s: the message lacks %q:\n%s", name, tt.want, email.Text)
		}
	}
}

func TestPreviousAddressIsNotified(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	former := john
	former.Email = "old@example.com"
	messages, err := k.Emails.EmailChanged(former, domain.Operator())
	if email := opened(t, k, messages, err); email.To != "old@example.com" {
		t.Errorf("the message goes to %s", email.To)
	}
}

func TestCodesComeFirstInAnSMS(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	messages, err := k.Emails.SMSCode(john, "+420123456789", "123456", kit.Noon.Add(time.Minute))
	email := opened(t, k, messages, err)
	if messages[0].Channel != domain.ChannelSMS || email.To != "+420123456789" ||
		!strings.HasPrefix(email.Text, "123456 ") ||
		!strings.HasSuffix(email.Text, "@id.example.com #123456") {
		t.Errorf("by %s to %s: %q", messages[0].Channel, email.To, email.Text)
	}
	if len(email.Text) > 160 {
		t.Errorf("the text has %d characters and needs two SMS", len(email.Text))
	}
}

func TestNoMessageWithoutAnAddress(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	if messages, err := k.Emails.PasswordChanged(domain.User{ID: "usr_1"}, domain.Operator()); len(messages) != 0 ||
		err != nil {
		t.Errorf("%d mails, %v", len(messages), err)
	}
	if messages, err := k.Emails.SMSCode(john, "", "123456", kit.Noon); len(messages) != 0 || err != nil {
		t.Errorf("%d SMS, %v", len(messages), err)
	}
}

func TestQueuedMessagesAreSealed(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	messages, err := k.Emails.PasswordReset(john, "a-secret-token", kit.Noon.Add(time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(messages[0].Payload, []byte("secret-token")) ||
		bytes.Contains(messages[0].Payload, []byte("example.com")) {
		t.Error("the queued message is readable")
	}
	if _, err := k.Sealer.Open(messages[0].Payload, "message|msg_other|payload"); err == nil {
		t.Error("the payload opens as that of another message")
	}
}

func TestMessagesNameTheProduct(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	who := linkpages.Identity("http://localhost:8080")
	messages, err := notify.NewEmailBuilder(who, k.Sealer, k.IDs, k.Clock).Activation(john, "abc", kit.Noon.Add(time.Hour))
	if email := opened(t, k, messages, err); !strings.Contains(email.Text, "-- \nOstiary, localhost:8080") {
		t.Errorf("the message lacks the product name:\n%s", email.Text)
	}
}
