package usersapi_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/test/apicheck"
)

// TestTheDocumentHasEveryRoute compares the routes with the OpenAPI document: neither has one that the other lacks.
func TestTheDocumentHasEveryRoute(t *testing.T) {
	t.Parallel()
	check, err := apicheck.New(t.Context(), usersapi.Document)
	must(t, err)
	var documented, mounted []string
	for _, operation := range check.Operations() {
		documented = append(documented, operation.Method+" "+strings.TrimSuffix(operation.Path, "/"))
	}
	apis := usersapi.New(new(core.Services), usersapi.Config{})
	for _, route := range apis[0].Routes {
		if !strings.HasSuffix(route.Path, "/") {
			mounted = append(mounted, route.Method+" "+usersapi.Base+route.Path)
		}
	}
	slices.Sort(documented)
	slices.Sort(mounted)
	if !slices.Equal(documented, mounted) {
		t.Errorf("documented: %v\nmounted: %v", documented, mounted)
	}
}
