package console

import (
	"github.com/ostiary/ostiary/core/access"
	"github.com/ostiary/ostiary/core/account"
	"github.com/ostiary/ostiary/core/auth"
)

// Services are what the operations call.
type Services struct {
	Accounts *account.Service
	Access   *access.Service
	Auth     *auth.Service
	// PublicURL begins the links that are handed out.
	PublicURL string
}

// Operations returns all operations with the services behind them.
func Operations(s Services) []Handler {
	return append(userOperations(users{s.Accounts, s.PublicURL}),
		RoleList.Handle(roles{s.Access}.list),
		KeyRotate.Handle(keys{s.Auth}.rotate),
	)
}
