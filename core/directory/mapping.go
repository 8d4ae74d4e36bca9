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
	check := func(kind, key, name string, found bool, permissions []domain.Permission) {
		switch {
		case !found:
			add(fmt.Sprintf("there is no %s %q here", kind, name),
				"Create the "+kind+", or correct its "+key+" in the rule: until then the rule has no effect.")
		case !names.Administrators && holdsAdministrative(permissions):
			add(fmt.Sprintf("the %s %q holds administrative permissions", kind, name),
				"A rule assigns them only with allow_admin: true.")
		}
	}
	for _, id := range names.Roles {
		role, ok := catalog.Roles.Get(id)
		check("role", "ID", string(id), ok, role.Permissions)
	}
	for _, name := range names.Groups {
		group, ok := catalog.GroupByName(name)
		check("group", "name", name, ok, group.Permissions)
	}
	if len(problems) == 0 && len(names.Roles)+len(names.Groups) > 0 {
		return []domain.CheckStep{{Name: "mapping rules", OK: true, Detail: "the roles and groups that they name are there"}}
	}
	return problems
}
