package mongostore_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/adapters/mongostore"
	"github.com/ostiary/ostiary/core/fault"
	"github.com/ostiary/ostiary/test/fixtures/mongod"
	"github.com/ostiary/ostiary/test/fixtures/testca"
)

// secured starts a server with TLS whose certificate is for the name.
func secured(t *testing.T, name string) (*mongod.Server, testca.Files) {
	t.Helper()
	files, err := testca.New(t.TempDir(), name)
	if err != nil {
		t.Fatal(err)
	}
	var both []byte
	for _, path := range []string{files.Cert, files.Key} {
		part, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, part...)
	}
	path := filepath.Join(t.TempDir(), "server.pem")
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	return mongod.Start(t, "--tlsMode", "requireTLS", "--tlsCertificateKeyFile", path), files
}

// authenticated starts a server with the user ostiary, whose password is secret.
func authenticated(t *testing.T) *mongod.Server {
	t.Helper()
	server := mongod.Start(t, "--auth")
	server.Members[0].Command(t, bson.D{
		{Key: "createUser", Value: "ostiary"}, {Key: "pwd", Value: "secret"}, {Key: "roles", Value: bson.A{"root"}},
	})
	return server
}

func TestOpenReportsWhyItCannotConnect(t *testing.T) {
	t.Parallel()
	trusted, trustedFiles := secured(t, "127.0.0.1")
	named, namedFiles := secured(t, "db.example.org")
	plain, set, auth := mongod.Start(t), mongod.SharedOne(t), authenticated(t)
	tests := map[string]struct {
		uri, want string
		lasting   bool // no other attempt will succeed
	}{
		"unknown authority": {
			trusted.URI() + "?tls=true", "tls: failed to verify certificate: x509: certificate signed by unknown authority", true,
		},
		"name that is not in the certificate": {
			named.URI() + "?tls=true&tlsCAFile=" + namedFiles.CA,
			"x509: cannot validate certificate for 127.0.0.1", true,
		},
		"no TLS to a server that requires it": {trusted.URI(), "EOF: the server requires TLS", true},
		"TLS to a server without it":          {plain.URI() + "?tls=true", "EOF: the server does not use TLS", true},
		"missing file of authorities": {
			trusted.URI() + "?tls=true&tlsCAFile=/missing/ca.pem", "open /missing/ca.pem: no such file or directory", true,
		},
		"other replica set": {
			strings.Replace(set.URI(), "=ostiary", "=other", 1),
			`it is a member of the replica set "ostiary", and the connection string has replicaSet=other`, true,
		},
		"server of no replica set": {
			plain.URI() + "?replicaSet=other",
			"it is not a member of a replica set, and the connection string has replicaSet=other", true,
		},
		"wrong password": {
			strings.Replace(auth.URI(), "//", "//ostiary:wrong@", 1) + "?authSource=admin",
			`unable to authenticate using mechanism "SCRAM-SHA-256": (AuthenticationFailed) Authentication failed.`, true,
		},
		"no password": {auth.URI(), "requires authentication", true},
		"refused": {
			"mongodb://127.0.0.1:1/", "connecting to 127.0.0.1:1: dial tcp 127.0.0.1:1: connect: connection refused", false,
		},
		"refused by every member": {
			"mongodb://127.0.0.1:1,127.0.0.1:2/?replicaSet=x", "127.0.0.1:2: connect: connection refused", false,
		},
		"no such host": {"mongodb://missing.invalid/", "no such host", false},
		"no such SRV record": {
			"mongodb+srv://ostiary:secret@missing.invalid/", "lookup _mongodb._tcp.missing.invalid", false,
		},
		"invalid port":   {"mongodb://127.0.0.1:port/", `invalid connection string: `, true},
		"invalid option": {plain.URI() + "?tls=maybe", `invalid value for "tls": "maybe"`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, tt.uri, tt.want, tt.lasting)
		})
	}
	t.Run("and connects", func(t *testing.T) {
		t.Parallel()
		for _, uri := range []string{
			trusted.URI() + "?tls=true&tlsCAFile=" + trustedFiles.CA,
			strings.Replace(auth.URI(), "//", "//ostiary:secret@", 1) + "?authSource=admin",
		} {
			s, err := mongostore.Open(t.Context(), reached(uri))
			if err != nil {
				t.Errorf("Open = %v", err)
				continue
			}
			if err := s.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
}

// reached is a configuration with a timeout that includes a slow handshake on a busy machine.
func reached(uri string) mongostore.Config {
	return mongostore.Config{URI: uri, Database: "ostiary", Clock: newClock(), NoTTL: true, Timeout: 10 * time.Second}
}

// wantReason opens a store and reads from it offline, which both must fail for the reason in one line.
func wantReason(t *testing.T, uri, want string, lasting bool) {
	t.Helper()
	var opened, read error
	var both sync.WaitGroup
	both.Go(func() { _, opened = mongostore.Open(t.Context(), reached(uri)) })
	both.Go(func() { _, _, read = mongostore.ReadSettings(t.Context(), reached(uri)) })
	both.Wait()
	for doing, err := range map[string]error{"Open": opened, "ReadSettings": read} {
		if err == nil {
			t.Errorf("%s succeeded", doing)
			continue
		}
		text := err.Error()
		if !strings.Contains(text, want) || strings.Contains(text, "\n") || strings.Contains(text, "secret") {
			t.Errorf("%s = %q, want one line with %q and no password", doing, text, want)
		}
		_, wrong := errors.AsType[*mongostore.MisconfiguredError](err)
		if wrong != lasting || errors.Is(err, fault.ErrStorage) == lasting {
			t.Errorf("%s = %v (%T), want a MisconfiguredError: %v", doing, err, err, lasting)
		}
	}
}
