package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/factor"
)

func (a *api) factorRoutes() []httpserver.Route {
	return []httpserver.Route{
		route(http.MethodPost, "/users/{user_id}/2fa/enable", httpserver.Enrolling(), userID.Bind(a.enableFactor)),
		route(http.MethodPost, "/users/{user_id}/2fa/verify", httpserver.Enrolling(),
			httpserver.BindBoth(userID, a.verifyFactor)),
		route(http.MethodPost, "/users/{user_id}/2fa/disable", httpserver.SignedIn(), userID.Bind(a.disableFactor)),
	}
}

func (a *api) enableFactor(r *httpserver.Request, id domain.UserID) error {
	var in EnableTwoFactorRequest
	if err := r.DecodeOptional(&in); err != nil {
		return err
	}
	begun, err := a.Factor.Enroll(r.Context(), r.Principal, id, factor.EnrollInput{
		Method: domain.Method(or(in.Method)), PhoneNumber: or(in.PhoneNumber),
		Proof: factor.Proof{Password: or(in.Password), Code: or(in.Code)},
	})
	if err != nil {
		return err
	}
	return r.JSON(http.StatusOK, setupOf(begun))
}

func (a *api) verifyFactor(r *httpserver.Request, id domain.UserID, in VerifyTwoFactorRequest) error {
	if err := required(map[string]string{"code": in.Code}); err != nil {
		return err
	}
	if err := a.Factor.Activate(r.Context(), r.Principal, id, in.Code); err != nil {
		return err
	}
	return r.JSON(http.StatusOK, TwoFactorState{TwoFactorEnabled: true})
}

func (a *api) disableFactor(r *httpserver.Request, id domain.UserID) error {
	var in DisableTwoFactorRequest
	if err := r.DecodeOptional(&in); err != nil {
		return err
	}
	if err := a.Factor.Disable(r.Context(), r.Principal, id,
		factor.Proof{Password: or(in.Password), Code: or(in.Code)}); err != nil {
		return err
	}
	return r.JSON(http.StatusOK, TwoFactorState{TwoFactorEnabled: false})
}

func setupOf(begun factor.Enrollment) TwoFactorSetup {
	method, ends := TwoFactorSetupMethod(begun.Method), httpserver.Seconds(begun.ExpiresAt)
	return TwoFactorSetup{
		Method: &method, Secret: textOrAbsent(begun.Setup.Secret), QrCode: textOrAbsent(begun.Setup.QRCode),
		PhoneNumber: textOrAbsent(begun.PhoneNumber), BackupCodes: begun.BackupCodes, ExpiresAt: &ends,
	}
}
