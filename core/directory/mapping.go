package directory

import (
	"fmt"

	"github.com/ostiary/ostiary/core/domain"
)

// mappingSteps reports names in the mapping rules that have no effect. Without this check only the affected users would
// notice a wrong name. It returns nothing if there are no rules.
func mappingSteps(catalog *domain.Catalog, names domain.MappingNames) []domain.CheckStep {
	var problems []domain.CheckStep
	add := func(detail, advice string) {
		problems = append(problems, domain.CheckStep{Name: "mapping rules", Detail: detail, Advice: advice})
	}
	for _, id := range names.Roles {
		role, ok := catalog.Roles[id]
		switch {
		case !ok:
			add(fmt.Sprintf("there is no role %q here", id),
				"Create the role, or correct its ID in the rule: until then the rule has no effect.")
		case !names.Administrators && holdsAdministrative(role.Permissions):
			add(fmt.Sprintf("the role %q holds administrative permissions", id),
				"A rule assigns them only with allow_admin: true.")
		}
	}
	for _, name := range names.Groups {
		group, ok := catalog.GroupByName(name)
		switch {
		case !ok:
			add(fmt.Sprintf("there is no group %q here", name),
				"Create the group, or correct its name in the rule: until then the rule has no effect.")
		case !names.Administrators && holdsAdministrative(group.Permissions):
			add(fmt.Sprintf("the group %q holds administrative permissions", name),
				"A rule assigns them only with allow_admin: true.")
		}
	}
	if len(problems) == 0 && len(names.Roles)+len(names.Groups) > 0 {
		return []domain.CheckStep{{Name: "mapping rules", OK: true, Detail: "the roles and groups that they name are there"}}
	}
	return problems
}
