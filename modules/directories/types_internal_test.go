package directories

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/config"
)

// TestDocumentedTypesAreTheRegisteredTypes compares the table of types in docs/directories.md with the factories.
func TestDocumentedTypesAreTheRegisteredTypes(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/directories.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented, registered []string
	for row := range strings.Lines(string(page)) {
		first, _, _ := strings.Cut(strings.TrimPrefix(row, "| "), " | ")
		if strings.HasPrefix(row, "| `") {
			documented = append(documented, regexp.MustCompile("[a-z]+").FindAllString(first, -1)...)
		}
	}
	for _, factory := range shippedTypes(config.Config{}, nil, sysclock.Clock{}) {
		registered = append(registered, factory.Type)
	}
	slices.Sort(documented)
	slices.Sort(registered)
	if !slices.Equal(documented, registered) {
		t.Errorf("documented: %v, registered: %v", documented, registered)
	}
}
