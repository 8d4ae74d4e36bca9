package mongostore_test

import (
	"errors"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

func TestChangeWritesItsAuditEntry(t *testing.T) {
	t.Parallel()
	s := openOwn(t, mongotap.Start(t))
	signIn(t, s)
	live, err := s.View().Lookup(t.Context(), "sess_1")
	if err != nil {
		t.Fatal(err)
	}
	if live.User.Username != "Ada" || live.Session.ID != "sess_1" || live.Catalog == 0 {
		t.Errorf("Look = %+v, want session, user and catalog", live)
	}
	page, err := s.Audit().List(t.Context(), domain.AuditQuery{Page: domain.Page{Number: 1, Limit: 10}})
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Entries) != 2 || page.Total != 2 {
		t.Errorf("List returned %d entries of %d, want 2 of 2", len(page.Entries), page.Total)
	}
	catalog, err := s.CatalogStore().Catalog(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if catalog.Roles.Len() != len(domain.BuiltInRoles()) || catalog.Settings.Version != 1 {
		t.Errorf("the catalog has %d roles and settings of version %d, want the built-in roles and version 1",
			catalog.Roles.Len(), catalog.Settings.Version)
	}
	if err := s.Users().Delete(t.Context(), "usr_1", outbox(entry("purge", domain.ActionUserPurge))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.View().Lookup(t.Context(), "sess_1"); !errors.Is(err, domain.ErrSessionNotFound) {
		t.Errorf("Lookup after Delete = %v, want domain.ErrSessionNotFound", err)
	}
}

func TestAssignmentReleasesRole(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	signIn(t, openOwn(t, server))
	var role struct {
		Holds []bson.D `bson:"holds"`
	}
	err := rawDatabase(t, server).Collection("catalog").FindOne(t.Context(),
		bson.D{{Key: "_id", Value: "role:user"}}).Decode(&role)
	if err != nil || len(role.Holds) != 0 {
		t.Errorf("%d holds on the role remain, %v; want none", len(role.Holds), err)
	}
}
