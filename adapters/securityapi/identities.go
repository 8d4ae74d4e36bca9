package securityapi

import (
	"net/http"

	"github.com/ostiary/ostiary/adapters/httpserver"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/domain"
)

func (a *api) listIdentities(r *httpserver.Request, id domain.UserID) error {
	all, err := a.Account.Identities(r.Context(), r.Principal, id)
	return a.replyRead(r, string(id), IdentityList{Identities: each(all, identityOf)}, err)
}

func identityOf(i account.Identity) Identity {
	return Identity{IdentityID: i.ID, Directory: string(i.Directory), Subject: textOrNull(string(i.Subject))}
}

func (a *api) unlinkIdentity(r *httpserver.Request, id domain.UserID) error {
	identity := r.Param("identity_id")
	if _, err := a.Account.Unlink(r.Context(), r.Principal, id, identity); err != nil {
		return err
	}
	return r.JSON(http.StatusOK, UnlinkedIdentity{UserID: string(id), IdentityID: identity, Status: "unlinked"})
}
