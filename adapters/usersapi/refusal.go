package usersapi

import (
	"errors"
	"fmt"

	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/core/rolepolicy"
)

// refusals are the texts of the rules of the role policy, which existing clients display.
var refusals = map[rolepolicy.Rule]string{
	rolepolicy.RuleLevel:             "Access denied",
	rolepolicy.RuleAdministrator:     "Access denied. Required role level: <= 1",
	rolepolicy.RuleUserUnknown:       "User %s not found",
	rolepolicy.RuleUsername:          "%s is not a valid username",
	rolepolicy.RuleRoleUnknown:       "Role %s not found",
	rolepolicy.RuleSignupRoleUnknown: "role: %s not exists",
	rolepolicy.RuleRoleTaken:         "Role %s exists",
	rolepolicy.RuleUsernameTaken:     "username: %s already exists",
	rolepolicy.RuleEmailTaken:        "Email: %s already exists",
	rolepolicy.RuleOwnLevel:          "Access denied. The level of a role cannot be lower than your own",
	rolepolicy.RuleUpdateRole:        "Only admin and sudo users can update user roles",
	rolepolicy.RuleTargetLevel:       "You cannot change roles of users with role level lower than %d",
	rolepolicy.RuleAssignLevel:       "Access denied. You cannot assign a role more powerful than your own",
	rolepolicy.RuleSudoOwnPassword:   "Sudo users cannot %s their own password",
	rolepolicy.RuleSudoPassword:      "Sudo users can only %s passwords of admin users",
	rolepolicy.RuleAdminPassword:     "Admin users cannot %s passwords of users with role level lower than %d",
	rolepolicy.RuleOwnPassword:       "You can only %s your own password",
	rolepolicy.RuleCurrentRequired:   "Current password is required when changing your own password",
	rolepolicy.RuleCurrentWrong:      "Current password is incorrect",
}

// inWords returns the fault with the text of its refusal, if it is one.
func inWords(f *fault.Error) *fault.Error {
	refusal, ok := errors.AsType[*rolepolicy.RefusalError](f)
	if !ok {
		return f
	}
	return f.Saying(fmt.Sprintf(refusals[refusal.Rule], refusal.Args...))
}
