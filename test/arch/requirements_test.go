package arch_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// requirementGroups are the groups of the requirement table with the number of requirements in each.
var requirementGroups = map[string]int{
	"A": 21, "R": 10, "S": 21, "T": 12, "Z": 13, "D": 16, "K": 8, "L": 12, "H": 20,
}

var (
	guarantees     = regexp.MustCompile(`(?s)## Guarantees\n(.*?)\n## `)
	requirementRow = regexp.MustCompile(`(?m)^\| ([A-Z][0-9]{2}) \| ([^|]*) \| ([^|]*) \|$`)
	requirementID  = regexp.MustCompile(`\b[A-Z][0-9]{2}\b`)
	tested         = regexp.MustCompile("`((?:Test|Fuzz)[A-Z]\\w*|make [a-z]+)`")
)

func securityModel(t *testing.T) string {
	t.Helper()
	return pages(t)[root+"/docs/security-model.md"]
}

// requirements returns the rows of the requirement table by their ids.
func requirements(t *testing.T) map[string][]string {
	t.Helper()
	rows := map[string][]string{}
	for _, row := range requirementRow.FindAllStringSubmatch(securityModel(t), -1) {
		if _, ok := rows[row[1]]; ok {
			t.Errorf("requirement %s has two rows", row[1])
		}
		rows[row[1]] = row[2:]
	}
	return rows
}

// TestRequirementTableIsComplete checks that docs/security-model.md has one row for each requirement, with a sentence
// and at least one test. TestDocsNameTestsThatExist checks that the tests exist.
func TestRequirementTableIsComplete(t *testing.T) {
	t.Parallel()
	rows := requirements(t)
	for group, n := range requirementGroups {
		for i := range n {
			id := fmt.Sprintf("%s%02d", group, i+1)
			row, ok := rows[id]
			switch {
			case !ok:
				t.Errorf("requirement %s has no row", id)
			case !strings.HasSuffix(row[0], ".") && !strings.HasSuffix(row[0], ".)"):
				t.Errorf("requirement %s has no sentence: %q", id, row[0])
			case !tested.MatchString(row[1]):
				t.Errorf("requirement %s has no test", id)
			}
			delete(rows, id)
		}
	}
	for id := range rows {
		t.Errorf("row %s belongs to no group of requirements", id)
	}
}

// TestEveryGuaranteeIsTested checks that each guarantee of the security model names requirements of the table, or
// tests.
func TestEveryGuaranteeIsTested(t *testing.T) {
	t.Parallel()
	section := guarantees.FindStringSubmatch(securityModel(t))
	if section == nil {
		t.Fatal("the section of guarantees is missing")
	}
	rows := requirements(t)
	n := 0
	for paragraph := range strings.SplitSeq(section[1], "\n\n") {
		if !strings.HasPrefix(strings.TrimSpace(paragraph), "**") {
			continue
		}
		n++
		text := strings.ReplaceAll(paragraph, "\n", " ")
		_, list, found := strings.Cut(text, "*Requirements:*")
		list, tests, _ := strings.Cut(list, "*Tests:*")
		ids := requirementID.FindAllString(list, -1)
		if found && len(ids) == 0 || !found && !named.MatchString(text) {
			t.Errorf("guarantee without requirements and tests: %.80s %s", text, tests)
		}
		if i := slices.IndexFunc(ids, func(id string) bool { return rows[id] == nil }); i >= 0 {
			t.Errorf("requirement %s is not in the table: %.80s", ids[i], text)
		}
	}
	if n < 10 {
		t.Errorf("found %d guarantees, want at least 10", n)
	}
}
