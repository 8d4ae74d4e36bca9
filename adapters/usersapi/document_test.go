package usersapi_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/ostiary/ostiary/adapters/usersapi"
	"github.com/ostiary/ostiary/core"
	"github.com/ostiary/ostiary/core/domain"
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

// TestDocumentStatesTheLimitsOfTheServer compares every bound in the document with domain.Limits.
func TestDocumentStatesTheLimitsOfTheServer(t *testing.T) {
	t.Parallel()
	check, err := apicheck.New(t.Context(), usersapi.Document)
	must(t, err)
	list := check.Document.Paths.Value("/").Get
	page, limit := list.Parameters.GetByInAndName("query", "page"), list.Parameters.GetByInAndName("query", "limit")
	size := domain.Limits.UsersAPIPageSize
	if got := page.Schema.Value; *got.Min != float64(domain.Limits.Page.Min) || got.Default != 1.0 {
		t.Errorf("page: %v, by default %v", *got.Min, got.Default)
	}
	if got := limit.Schema.Value; *got.Min != float64(size.Min) || got.Default != float64(domain.DefaultPageLimit) {
		t.Errorf("limit: %v, by default %v", *got.Min, got.Default)
	}
	if want := fmt.Sprintf("Capped at %d", size.Max); limit.Description != want {
		t.Errorf("limit: %q, want %q", limit.Description, want)
	}
	level := check.Document.Paths.Value("/roles/add").Post.RequestBody.Value.Content.Get("application/json").
		Schema.Value.Properties["level"].Value
	if *level.Min != float64(domain.Limits.RoleLevel.Min) || level.Max == nil ||
		*level.Max != float64(domain.Limits.RoleLevel.Max) {
		t.Errorf("level: %v to %v", *level.Min, level.Max)
	}
}
