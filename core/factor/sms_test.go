package factor_test

import (
	"strings"
	"testing"
	"time"

	adapter "github.com/ostiary/ostiary/adapters/totp"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

// enrolledBySMS returns a user with SMS codes as the second factor.
func (b *bench) enrolledBySMS(t *testing.T) (domain.Principal, domain.User) {
	t.Helper()
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	in := factor.EnrollInput{Method: domain.MethodSMS, PhoneNumber: "+420123456789"}
	if _, err := b.service.Enroll(t.Context(), by, user.ID, in); err != nil {
		t.Fatal(err)
	}
	if err := b.service.Activate(t.Context(), by, user.ID, b.sent(t)); err != nil {
		t.Fatal(err)
	}
	return by, b.get(t, user.ID)
}

func TestSMSSendsACodeThatWorksOnce(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	by, user := b.enrolledBySMS(t)
	user = b.get(t, user.ID)
	err := b.checker.Challenge(t.Context(), &user)
	wantErr(t, err, domain.ErrTwoFactorRequired)
	wantErr(t, b.checker.Challenge(t.Context(), &user), domain.ErrTwoFactorRequired)
	code := b.sent(t) // requested twice, sent once
	user = b.get(t, user.ID)
	if method, err := b.checker.Verify(t.Context(), by, &user, code); err != nil || method != domain.MethodSMS {
		t.Fatalf("Verify() = %s, %v", method, err)
	}
	_, err = b.checker.Verify(t.Context(), by, &user, code)
	wantErr(t, err, domain.ErrTwoFactorLogin)
}

// A party that knows the password must not be able to cause an unlimited number of messages.
func TestLoginsSendLimitedCodesPerHour(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	by, user := b.enrolledBySMS(t)
	ask := func() error {
		b.Clock.Forward(time.Minute)
		user = b.get(t, user.ID)
		return b.checker.Challenge(t.Context(), &user)
	}
	var last string
	for range 10 {
		wantErr(t, ask(), domain.ErrTwoFactorRequired)
		last = b.sent(t)
	}
	wantErr(t, ask(), fault.ErrRateLimited)
	if _, err := b.checker.Verify(t.Context(), by, &user, last); err != nil {
		t.Errorf("the code that was sent last: %v", err)
	}
	b.Clock.Forward(time.Hour)
	wantErr(t, ask(), domain.ErrTwoFactorRequired)
}

func TestSMSIsNotOfferedWithoutGateway(t *testing.T) {
	t.Parallel()
	k := kit.New(t)
	checker := factor.NewChecker(factor.Deps{
		Users: k.Store.Users(), Attempts: k.Store.AttemptStore(), Catalog: k.Store.CatalogStore(), Codes: adapter.New(),
		Sealer: k.Sealer,
		IDs:    k.IDs, Clock: k.Clock, AuditWriter: k.AuditWriter, Emails: k.Emails, Limits: k.Store.RateLimiter(),
		Issuer: "Ostiary",
	})
	service := factor.New(checker, rightPassword("right"))
	user := k.User(t, "john", domain.RoleUser)
	_, err := service.Enroll(t.Context(), k.As(t, user), user.ID,
		factor.EnrollInput{Method: domain.MethodSMS, PhoneNumber: "+420123456789"})
	wantErr(t, err, domain.ErrMethodUnavailable)
}

// sent returns the code of the only queued SMS.
func (b *bench) sent(t *testing.T) string {
	t.Helper()
	messages, err := b.Store.Messages().ClaimMessages(t.Context(), b.Clock.Now(), b.Clock.Now().Add(time.Minute), 10)
	if err != nil {
		t.Fatal(err)
	}
	var code string
	for _, m := range messages {
		if m.Channel != domain.ChannelSMS {
			continue
		}
		if code != "" {
			t.Fatal("more than one SMS is queued")
		}
		plain, err := b.Sealer.Open(m.Payload, "message|"+string(m.ID)+"|payload")
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+6 <= len(plain); i++ {
			if strings.Trim(string(plain[i:i+6]), "0123456789") == "" && (i == 0 || plain[i-1] < '0' || plain[i-1] > '9') {
				code = string(plain[i : i+6])
			}
		}
		if err := b.Store.Messages().DoneMessage(t.Context(), m.ID); err != nil {
			t.Fatal(err)
		}
	}
	return code
}
