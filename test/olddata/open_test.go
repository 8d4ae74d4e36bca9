package olddata_test

import (
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/adapters/sqlitestore"
	"github.com/ostiary/ostiary/core/audit"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/kit"
)

const folder = "testdata/81e94a1"

// secrets are what the old installation has handed out.
type secrets struct {
	MadeAt       time.Time `json:"made_at"`
	KeyringKey   string    `json:"keyring_key"`
	Group        string    `json:"group_id"`
	Ada          string    `json:"ada_id"`
	Carol        string    `json:"carol_id"`
	Bob          string    `json:"bob_id"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	APIKey       string    `json:"api_key"`
	BackupCode   string    `json:"backup_code"`
}

// installation is an old installation that the present program has opened.
type installation struct {
	*kit.Services
	secrets secrets

	read func() (domain.Settings, bool, error) // the settings, as the operator's commands read them
}

func loadSecrets(t *testing.T, store string) secrets {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(folder, "secrets.json"))
	must(t, err)
	var all map[string]secrets
	must(t, json.Unmarshal(raw, &all))
	return all[store]
}

func unpack(t *testing.T, name string) []byte {
	t.Helper()
	file, err := os.Open(filepath.Join(folder, name))
	must(t, err)
	defer func() { _ = file.Close() }()
	reader, err := gzip.NewReader(file)
	must(t, err)
	raw, err := io.ReadAll(reader)
	must(t, err)
	return raw
}

// setup is a kit's beginning, a minute after the old installation was stopped.
func setup(t *testing.T, s *secrets, dir, keys string) kit.Setup {
	t.Helper()
	parsed, err := keyring.ParseKeys(keys)
	must(t, err)
	return kit.Setup{Dir: dir, Now: s.MadeAt.Add(time.Minute), KEK: parsed[0]}
}

// openSQLite opens a copy of the data directory, after the statements have changed it.
func openSQLite(t *testing.T, statements ...string) *installation {
	t.Helper()
	in, dir := &installation{secrets: loadSecrets(t, "sqlite")}, t.TempDir()
	path := filepath.Join(dir, sqlitestore.FileName)
	must(t, os.WriteFile(path, unpack(t, "ostiary.db.gz"), 0o600))
	for _, statement := range statements {
		db, err := sql.Open("sqlite", path)
		must(t, err)
		_, err = db.ExecContext(t.Context(), statement)
		must(t, err)
		must(t, db.Close())
	}
	keys, err := os.ReadFile(filepath.Join(folder, "ostiary.key"))
	must(t, err)
	k := kit.Open(t, setup(t, &in.secrets, dir, string(keys)))
	in.Services = kit.Start(t, kit.Options{Kit: k, Audience: "ostiary"})
	in.read = func() (domain.Settings, bool, error) { return sqlitestore.ReadSettings(t.Context(), dir) }
	return in
}

// openMongoDB loads the database into a new one of the server, and opens it after the update has changed the settings.
func openMongoDB(t *testing.T, server *mongod.Server, update bson.D) *installation {
	t.Helper()
	uri, database := server.URI(), server.NewDatabase(t)
	in := &installation{secrets: loadSecrets(t, "mongodb")}
	load(t, uri, database, update)
	k := kit.Open(t, setup(t, &in.secrets, t.TempDir(), in.secrets.KeyringKey))
	config := mongostore.Config{URI: uri, Database: database, Clock: k.Clock, NoTTL: true, Timeout: time.Minute}
	s, err := mongostore.Open(t.Context(), config)
	must(t, err)
	t.Cleanup(func() { must(t, s.Close(context.WithoutCancel(t.Context()))) })
	marker, err := audit.NewSigner(s.Audit(), k.Sealer).Marker(t.Context())
	must(t, err)
	s.MarkEntries(marker)
	in.Services = kit.Start(t, kit.Options{Kit: k, Audience: "ostiary", Ports: func(p *ports.Storage) { *p = s.Ports() }})
	in.read = func() (domain.Settings, bool, error) { return mongostore.ReadSettings(t.Context(), config) }
	return in
}

func load(t *testing.T, uri, database string, update bson.D) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	must(t, err)
	defer func() { must(t, client.Disconnect(t.Context())) }()
	db := client.Database(database)
	var collections []struct {
		Collection string            `json:"collection"`
		Indexes    []json.RawMessage `json:"indexes"`
		Documents  []json.RawMessage `json:"documents"`
	}
	must(t, json.Unmarshal(unpack(t, "mongodb.json.gz"), &collections))
	for _, c := range collections {
		if indexes := values(t, c.Indexes); len(indexes) > 0 {
			command := bson.D{{Key: "createIndexes", Value: c.Collection}, {Key: "indexes", Value: indexes}}
			must(t, db.RunCommand(t.Context(), command).Err())
		}
		if documents := values(t, c.Documents); len(documents) > 0 {
			_, err := db.Collection(c.Collection).InsertMany(t.Context(), documents)
			must(t, err)
		}
	}
	if update != nil {
		_, err := db.Collection("catalog").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "settings"}}, update)
		must(t, err)
	}
}

func values(t *testing.T, texts []json.RawMessage) bson.A {
	t.Helper()
	all := make(bson.A, len(texts))
	for i, text := range texts {
		var d bson.D
		must(t, bson.UnmarshalExtJSON(text, true, &d))
		all[i] = d
	}
	return all
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
