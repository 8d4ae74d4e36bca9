package directory

import (
	"fmt"

	"github.com/ostiary/ostiary/core/domain"
)

// mappingSteps tells which names of the mapping rules give nothing here: a wrong one would be noticed by whoever lacks what it
// should give, and by nobody else. Without rules there is nothing to tell.
func mappingSteps(catalog *domain.Catalog, names domain.MappingNames) []domain.CheckStep {
	var problems []domain.CheckStep
	add := func(what, advice string) {
		problems = append(problems, domain.CheckStep{Name: "mapping rules", Detail: what, Advice: advice})
	}
	for _, id := range names.Roles {
		role, ok := catalog.Roles[id]
		switch {
		case !ok:
			add(fmt.Sprintf("there is no role %q here", id), "Make the role, or mend its id in the rule: until then the rule gives nothing.")
		case !names.Administrators && holdsAdministrative(role.Permissions):
			add(fmt.Sprintf("the role %q holds administrative permissions", id), "No rule gives those without allow_admin: true.")
		}
	}
	for _, name := range names.Groups {
		group, ok := catalog.GroupByName(name)
		switch {
		case !ok:
			add(fmt.Sprintf("there is no group %q here", name), "Make the group, or mend its name in the rule: until then the rule gives nothing.")
		case !names.Administrators && holdsAdministrative(group.Permissions):
			add(fmt.Sprintf("the group %q holds administrative permissions", name), "No rule gives those without allow_admin: true.")
		}
	}
	if len(problems) == 0 && len(names.Roles)+len(names.Groups) > 0 {
		return []domain.CheckStep{{Name: "mapping rules", OK: true, Detail: "the roles and groups that they name are there"}}
	}
	return problems
}
