package usersapi

import (
	"testing"

	"github.com/ostiary/ostiary/core/rolepolicy"
)

func TestEveryRuleOfTheRolePolicyHasAText(t *testing.T) {
	t.Parallel()
	for rule := rolepolicy.RuleLevel; rule <= rolepolicy.RuleCurrentWrong; rule++ {
		if refusals[rule] == "" {
			t.Errorf("rule %d has no text", rule)
		}
	}
}
