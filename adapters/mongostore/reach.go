package mongostore

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/url"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/topology"

	"github.com/ostiary/ostiary/core/fault"
)

// MisconfiguredError reports a connection string with which no attempt will succeed. It contains no password.
type MisconfiguredError struct{ Reason string }

// Error returns the reason.
func (e *MisconfiguredError) Error() string { return e.Reason }

func misconfigured(format string, args ...any) error {
	return &MisconfiguredError{Reason: fmt.Sprintf(format, args...)}
}

const (
	codeUnauthorized         = 13
	codeAuthenticationFailed = 18
)

// reach reads from the database, and returns why that is impossible: a MisconfiguredError, or fault.ErrStorage where
// another attempt may succeed.
func reach(ctx context.Context, o *options.ClientOptions, db *mongo.Database) error {
	limited, cancel := context.WithTimeout(ctx, *o.Timeout)
	defer cancel()
	err := db.Collection(metaName).FindOne(limited, bson.D{{Key: "_id", Value: schemaID}}).Err()
	if err == nil || errors.Is(err, mongo.ErrNoDocuments) {
		return nil
	}
	if refused, ok := errors.AsType[mongo.CommandError](err); ok {
		if reason, refuses := refusal(refused); refuses {
			return misconfigured("mongodb: %s", reason)
		}
	}
	selection, ok := errors.AsType[topology.ServerSelectionError](err)
	if !ok {
		return failed("connecting", err)
	}
	return unreachable(ctx, o, selection)
}

// refusal returns the text of a server that refuses the credentials, or their permissions.
func refusal(err mongo.CommandError) (reason string, refuses bool) {
	_, text, found := strings.Cut(err.Error(), "auth error: ")
	if !found {
		text = err.Error()
	}
	refuses = found || err.Code == codeUnauthorized || err.Code == codeAuthenticationFailed
	return text, refuses
}

// unreachable returns the reasons of all servers of the connection string in one line.
func unreachable(ctx context.Context, o *options.ClientOptions, selection topology.ServerSelectionError) error {
	var reasons []string
	lasting := len(selection.Desc.Servers) > 0 // none of the reasons will end by itself
	for _, s := range selection.Desc.Servers {
		reason, lasts := "it is not the primary", false
		if s.LastError != nil {
			reason, lasts = reasonOf(ctx, o, string(s.Addr), s.LastError)
		}
		lasting = lasting && lasts
		reasons = append(reasons, fmt.Sprintf("%s: %s", s.Addr, reason))
	}
	if len(selection.Desc.Servers) == 0 {
		reasons, lasting = otherSets(ctx, o)
	}
	reason := "mongodb: connecting to " + strings.Join(reasons, "; ")
	if lasting {
		return misconfigured("%s", reason)
	}
	return fault.ErrStorage.Because(errors.New(reason))
}

// reasonOf returns why there is no connection to the server, and whether that lasts until the configuration changes.
func reasonOf(ctx context.Context, o *options.ClientOptions, address string, err error) (reason string, lasts bool) {
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &authority), errors.As(err, &name):
		return err.Error(), true
	case errors.Is(err, io.EOF) && o.TLSConfig == nil:
		if _, err := hello(ctx, o, address, &tls.Config{InsecureSkipVerify: true}); err == nil { //nolint:gosec // no secret
			return "EOF: the server requires TLS, and the connection string does not have tls=true", true
		}
	case (errors.Is(err, io.EOF) || errors.As(err, &header)) && o.TLSConfig != nil:
		if _, err := hello(ctx, o, address, nil); err == nil {
			return "EOF: the server does not use TLS, and the connection string has tls=true", true
		}
	}
	if connection, ok := errors.AsType[topology.ConnectionError](err); ok && connection.Wrapped != nil {
		err = connection.Wrapped
	}
	return err.Error(), false
}

// otherSets returns which replica set each server belongs to: the driver drops servers that are not members of the
// configured set without a reason.
func otherSets(ctx context.Context, o *options.ClientOptions) (reasons []string, lasting bool) {
	want := valueOr(o.ReplicaSet, "")
	for _, address := range o.Hosts {
		set, err := hello(ctx, o, address, o.TLSConfig)
		reason := fmt.Sprintf("it is a member of the replica set %q, and the connection string has replicaSet=%s", set, want)
		switch {
		case err != nil:
			reason = describe(err)
		case set == "":
			reason = "it is not a member of a replica set, and the connection string has replicaSet=" + want
		}
		lasting = lasting || err == nil && set != want
		reasons = append(reasons, address+": "+reason)
	}
	return reasons, lasting
}

// hello returns the name of the replica set of one server. It sends no credentials.
func hello(ctx context.Context, o *options.ClientOptions, address string, secure *tls.Config) (set string, err error) {
	ctx, cancel := context.WithTimeout(ctx, *o.Timeout)
	defer cancel()
	direct := options.Client().SetHosts([]string{address}).SetDirect(true).SetTLSConfig(secure).
		SetTimeout(*o.Timeout).SetServerSelectionTimeout(*o.Timeout)
	client, err := mongo.Connect(direct)
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(ctx)) }()
	var answer struct {
		SetName string `bson:"setName"`
	}
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&answer)
	return answer.SetName, err
}

// unusable returns why the driver cannot use the connection string. Where it looks up names, another attempt may
// succeed.
func unusable(uri string, err error) error {
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return fault.ErrStorage.Because(fmt.Errorf("mongodb: %w", dns))
	}
	if file, ok := errors.AsType[*fs.PathError](err); ok {
		return misconfigured("mongodb: %s", file)
	}
	text := strings.TrimPrefix(err.Error(), "error parsing uri: ")
	if containsSecret(text, uri) || strings.Contains(strings.ToLower(uri), "password") {
		return misconfigured("mongodb: invalid connection string")
	}
	return misconfigured("mongodb: invalid connection string: %s", text)
}

// containsSecret reports whether the text contains a part of the credentials of the connection string, in either form.
func containsSecret(text, uri string) bool {
	_, rest, _ := strings.Cut(uri, "://")
	at := strings.LastIndex(rest, "@")
	if at < 0 {
		return false
	}
	return slices.ContainsFunc(strings.Split(rest[:at], ":"), func(part string) bool {
		plain, err := url.PathUnescape(part)
		return strings.Contains(text, part) || err == nil && strings.Contains(text, plain)
	})
}
