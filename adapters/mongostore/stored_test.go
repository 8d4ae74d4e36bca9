package mongostore_test

import (
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/test/conformance"
	"github.com/ostiary/ostiary/test/fixtures/mongotap"
)

// volatile matches the members that differ in each run, by collection: the server's timestamp and the holder of the
// migration lease.
var volatile = map[string]*regexp.Regexp{
	"audit": regexp.MustCompile(`("written": )\{[^{}]*\{[^{}]*\}\s*\}`),
	"meta":  regexp.MustCompile(`("holder": )"[^"]*"`),
}

// TestStoredDocumentsAreTheGoldenOnes compares every document that the store writes with a golden file, in the
// form that preserves types and the order of members. A changed name or form would make the databases of installed
// versions unreadable: add a schema step instead of rewriting a file.
func TestStoredDocumentsAreTheGoldenOnes(t *testing.T) {
	t.Parallel()
	server := mongotap.Start(t)
	s := openOwn(t, server)
	conformance.WriteEveryKind(t, s.Ports())
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	db := rawDatabase(t, server)
	for _, collection := range []string{
		"api_keys", "attempts", "audit", "catalog", "guards", "idempotency", "messages", "meta", "once", "rates",
		"segments", "sessions",
		"signing", "tokens", "users",
	} {
		golden(t, filepath.Join("stored", collection), documentsOf(t, db.Collection(collection)))
	}
}

func documentsOf(t *testing.T, collection *mongo.Collection) string {
	t.Helper()
	cursor, err := collection.Find(t.Context(), bson.D{}, options.Find().SetSort(bson.D{{Key: "_id", Value: 1}}))
	if err != nil {
		t.Fatal(err)
	}
	var docs []bson.Raw
	if err := cursor.All(t.Context(), &docs); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, doc := range docs {
		raw, err := bson.MarshalExtJSONIndent(doc, true, false, "", " ")
		if err != nil {
			t.Fatal(err)
		}
		b.Write(raw)
		b.WriteByte('\n')
	}
	if pattern := volatile[collection.Name()]; pattern != nil {
		return pattern.ReplaceAllString(b.String(), "${1}ANY")
	}
	return b.String()
}
