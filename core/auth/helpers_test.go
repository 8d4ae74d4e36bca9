package auth_test

import "github.com/ostiary/ostiary/core/account"

func accountPatch(role *string) account.Patch { return account.Patch{Role: role} }
