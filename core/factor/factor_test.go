package factor_test

import (
	"context"
	"encoding/base32"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	adapter "github.com/ostiary/ostiary/adapters/totp"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/kit"
)

// rightPassword replaces the password service, which has its own tests.
type rightPassword string

func (p rightPassword) ProvePassword(_ context.Context, _ domain.Principal, _ *domain.User, password string) error {
	if password != string(p) {
		return domain.ErrCurrentPassword
	}
	return nil
}

type bench struct {
	*kit.Kit
	checker *factor.Checker
	service *factor.Service
}

func newBench(t *testing.T) *bench {
	t.Helper()
	k := kit.New(t)
	checker := factor.NewChecker(factor.Deps{
		Users: k.Store.Users(), Attempts: k.Store.AttemptStore(), Catalog: k.Store.CatalogStore(), Codes: adapter.New(),
		Sealer: k.Sealer,
		IDs:    k.IDs, Clock: k.Clock, AuditWriter: k.AuditWriter, Emails: k.Emails, Limits: k.Store.RateLimiter(),
		Issuer: "Ostiary", SMS: true,
	})
	return &bench{Kit: k, checker: checker, service: factor.New(checker, rightPassword("right"))}
}

// code returns the current TOTP code of the secret.
func (b *bench) code(t *testing.T, secret string) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, b.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrolled returns a user with an active TOTP factor, at the start of a time step whose code was not used.
func (b *bench) enrolled(t *testing.T) (domain.User, factor.Enrollment) {
	t.Helper()
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	enrollment, err := b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.service.Activate(t.Context(), by, user.ID, b.code(t, enrollment.Setup.Secret)); err != nil {
		t.Fatal(err)
	}
	b.Clock.Forward(90 * time.Second)
	return b.get(t, user.ID), enrollment
}

func (b *bench) get(t *testing.T, id domain.UserID) domain.User {
	t.Helper()
	user, err := b.Store.Users().Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return user
}

func wantErr(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got error %v, want %v", got, want)
	}
}

func wrong(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

func TestFactorIsInactiveBeforeFirstCorrectCode(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	enrollment, err := b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{})
	if err != nil {
		t.Fatal(err)
	}
	if len(enrollment.BackupCodes) != 10 || len(enrollment.Setup.Secret) != 32 ||
		!strings.HasPrefix(enrollment.Setup.QRCode, "data:image/png;base64,") {
		t.Errorf("the enrollment has %d backup codes and a secret of %d characters", len(enrollment.BackupCodes),
			len(enrollment.Setup.Secret))
	}
	if u := b.get(t, user.ID); u.Factor.IsOn() {
		t.Error("the factor is active before its first code")
	}
	wantErr(t, b.service.Activate(t.Context(), by, user.ID, wrong(b.code(t, enrollment.Setup.Secret))),
		domain.ErrTwoFactorCode)
	if err := b.service.Activate(t.Context(), by, user.ID, b.code(t, enrollment.Setup.Secret)); err != nil {
		t.Fatal(err)
	}
	if u := b.get(t, user.ID); !u.Factor.IsOn() || u.Factor.Pending != nil {
		t.Error("the factor is not active after its first code")
	}
	_, err = b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{})
	wantErr(t, err, domain.ErrTwoFactorOn)
	want := []domain.Action{domain.ActionTwoFactorEnroll, domain.ActionTwoFactorFailed, domain.ActionTwoFactorEnable}
	if got := kit.Actions(b.Entries(t)); !slices.Equal(got, want) {
		t.Errorf("the audit log has %v, want %v", got, want)
	}
}

func TestEnrollmentExpiresAndAllowsFiveAttempts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	enrollment, err := b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{})
	if err != nil {
		t.Fatal(err)
	}
	for range 5 {
		wantErr(t, b.service.Activate(t.Context(), by, user.ID, wrong(b.code(t, enrollment.Setup.Secret))),
			domain.ErrTwoFactorCode)
	}
	wantErr(t, b.service.Activate(t.Context(), by, user.ID, b.code(t, enrollment.Setup.Secret)), domain.ErrTwoFactorCode)

	enrollment, err = b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{})
	if err != nil {
		t.Fatal(err)
	}
	b.Clock.Forward(10 * time.Minute)
	wantErr(t, b.service.Activate(t.Context(), by, user.ID, b.code(t, enrollment.Setup.Secret)), domain.ErrTwoFactorCode)
}

func TestConcurrentUsesOfCodeAcceptOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, enrollment := b.enrolled(t)
	code := b.code(t, enrollment.Setup.Secret)
	spellings := []string{code, " " + code[:3] + " " + code[3:], fullWidth(code)}
	var wg sync.WaitGroup
	accepted := make(chan domain.Method, 50)
	for i := range 50 {
		wg.Go(func() {
			method, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &user, spellings[i%3])
			if err == nil {
				accepted <- method
			}
		})
	}
	wg.Wait()
	if len(accepted) != 1 || <-accepted != domain.MethodTOTP {
		t.Errorf("%d uses of one code were accepted, want 1", len(accepted)+1)
	}
}

func fullWidth(code string) string {
	return strings.Map(func(r rune) rune { return r - '0' + '０' }, code)
}

func TestUsedTimeStepsStayUsedAfterClockGoesBack(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, enrollment := b.enrolled(t)
	for range 3 {
		if _, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &user,
			b.code(t, enrollment.Setup.Secret)); err != nil {
			t.Fatal(err)
		}
		b.Clock.Forward(30 * time.Second)
	}
	b.Clock.Forward(-75 * time.Second)
	_, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &user, b.code(t, enrollment.Setup.Secret))
	wantErr(t, err, domain.ErrTwoFactorLogin)
}

func TestStoreContainsNeitherSecretNorCodes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, enrollment := b.enrolled(t)
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(enrollment.Setup.Secret)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(user.Factor.Secret), string(raw)) {
		t.Error("the secret is stored in plain text")
	}
	// A factor copied to another user does not open there.
	other := b.User(t, "eve", domain.RoleUser)
	_, err = b.Store.Users().Update(t.Context(), other.ID, func(u *domain.User, _ *domain.Outbox) error {
		u.Factor = user.Factor.Clone()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	other = b.get(t, other.ID)
	if _, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &other,
		b.code(t, enrollment.Setup.Secret)); err == nil {
		t.Error("a secret copied to another user works there")
	}
}

func TestConcurrentUsesOfBackupCodeAcceptOne(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, enrollment := b.enrolled(t)
	var wg sync.WaitGroup
	accepted := make(chan domain.Method, 20)
	for range 20 {
		wg.Go(func() {
			method, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &user,
				strings.ToUpper(enrollment.BackupCodes[3]))
			if err == nil {
				accepted <- method
			}
		})
	}
	wg.Wait()
	if len(accepted) != 1 || <-accepted != domain.MethodBackupCode {
		t.Errorf("%d uses of one backup code were accepted, want 1", len(accepted)+1)
	}
	if left := len(b.get(t, user.ID).Factor.Backup.Hashes); left != 9 {
		t.Errorf("%d backup codes are left, want 9", left)
	}
}

func TestFiveWrongCodesLockRegardlessOfPassword(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user, enrollment := b.enrolled(t)
	for i := range 5 {
		// Each attempt is from a different network, for the same user.
		from := kit.Origin
		from.Address = netip.AddrFrom4([4]byte{198, 51, 100, byte(i)})
		_, err := b.checker.Verify(t.Context(), domain.Anonymous(from), &user, wrong(b.code(t, enrollment.Setup.Secret)))
		wantErr(t, err, domain.ErrTwoFactorLogin)
	}
	_, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &user, b.code(t, enrollment.Setup.Secret))
	wantErr(t, err, domain.ErrAccountLocked)
	if fault.Of(err).Extra()["locked_until"] == nil {
		t.Error("the refusal has no locked_until")
	}
	b.Clock.Forward(31 * time.Minute)
	if _, err := b.checker.Verify(t.Context(), domain.Anonymous(kit.Origin), &user,
		b.code(t, enrollment.Setup.Secret)); err != nil {
		t.Errorf("correct code after the lock: %v", err)
	}
	if got := kit.Actions(b.Entries(t)); got[len(got)-1] != domain.ActionAccountLocked {
		t.Errorf("the last entry is %v, want account_locked", got[len(got)-1])
	}
}

func TestFactorChangesRequireFreshProof(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	user := b.User(t, "john", domain.RoleUser)
	by := b.As(t, user)
	b.Clock.Forward(11 * time.Minute)
	_, err := b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{})
	wantErr(t, err, domain.ErrReauthentication)
	_, err = b.service.Enroll(t.Context(), by, user.ID, factor.EnrollInput{Proof: factor.Proof{Password: "wrong"}})
	wantErr(t, err, domain.ErrCurrentPassword)
	enrollment, err := b.service.Enroll(t.Context(), by, user.ID,
		factor.EnrollInput{Proof: factor.Proof{Password: "right"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.service.Activate(t.Context(), by, user.ID, b.code(t, enrollment.Setup.Secret)); err != nil {
		t.Fatal(err)
	}
	b.Clock.Forward(time.Minute)
	wantErr(t, b.service.Disable(t.Context(), by, user.ID, factor.Proof{}), domain.ErrReauthentication)
	wantErr(t, b.service.Disable(t.Context(), by, user.ID, factor.Proof{Code: wrong(b.code(t, enrollment.Setup.Secret))}),
		domain.ErrTwoFactorCode)
	if err := b.service.Disable(t.Context(), by, user.ID,
		factor.Proof{Code: b.code(t, enrollment.Setup.Secret)}); err != nil {
		t.Fatal(err)
	}
	if u := b.get(t, user.ID); u.Factor.IsOn() || len(u.Factor.Secret) > 0 {
		t.Error("the factor is still active or stored")
	}
	if err := b.service.Disable(t.Context(), by, user.ID, factor.Proof{Password: "right"}); err != nil {
		t.Errorf("disabling an inactive factor: %v", err)
	}
}
