package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
)

func (a *api) factorRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodPost, "/users/{user_id}/2fa/enable", httpserver.Enrolling(),
			httpserver.BindBothOptional(userID, a.enableFactor)),
		route(http.MethodPost, "/users/{user_id}/2fa/verify", httpserver.Enrolling(),
			httpserver.BindBoth(userID, a.verifyFactor)),
		route(http.MethodPost, "/users/{user_id}/2fa/disable", httpserver.SignedIn(),
			httpserver.BindBothOptional(userID, a.disableFactor)),
	}
}

func (a *api) enableFactor(r *httpserver.Request, id domain.UserID, in EnableTwoFactorRequest) error {
	begun, err := a.Factor.Enroll(r.Context(), r.Principal, id, factor.EnrollInput{
		Method: domain.Method(or(in.Method)), PhoneNumber: or(in.PhoneNumber),
		Proof: factor.Proof{Password: or(in.Password), Code: or(in.Code)},
	})
	return r.Reply(setupOf(begun), err)
}

func (a *api) verifyFactor(r *httpserver.Request, id domain.UserID, in VerifyTwoFactorRequest) error {
	if err := required(map[string]string{"code": in.Code}); err != nil {
		return err
	}
	err := a.Factor.Activate(r.Context(), r.Principal, id, in.Code)
	return r.Reply(TwoFactorState{TwoFactorEnabled: true}, err)
}

func (a *api) disableFactor(r *httpserver.Request, id domain.UserID, in DisableTwoFactorRequest) error {
	err := a.Factor.Disable(r.Context(), r.Principal, id,
		factor.Proof{Password: or(in.Password), Code: or(in.Code)})
	return r.Reply(TwoFactorState{TwoFactorEnabled: false}, err)
}

func setupOf(begun factor.Enrollment) TwoFactorSetup {
	return TwoFactorSetup{
		Method: new(TwoFactorSetupMethod(begun.Method)), Secret: orAbsent(begun.Setup.Secret),
		QrCode:      orAbsent(begun.Setup.QRCode),
		PhoneNumber: orAbsent(begun.PhoneNumber), BackupCodes: begun.BackupCodes,
		ExpiresAt: new(httpserver.Seconds(begun.ExpiresAt)),
	}
}
