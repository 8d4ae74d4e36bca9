package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

// The names of the collections.
const (
	usersName       = "users"
	sessionsName    = "sessions"
	keysName        = "api_keys"
	tokensName      = "tokens"
	catalogName     = "catalog"
	guardsName      = "guards"
	attemptsName    = "attempts"
	ratesName       = "rates"
	onceName        = "once"
	idempotencyName = "idempotency"
	messagesName    = "messages"
	auditName       = "audit"
	segmentsName    = "segments"
	signingName     = "signing"
	metaName        = "meta"
	nodesName       = "nodes"
)

// The IDs and ID prefixes of the catalog and of single documents. The head sorts first in the catalog: see catalog.go.
const (
	headID       = "_head"
	rolePrefix   = "role:"
	groupPrefix  = "group:"
	settingsID   = "settings"
	signingSetID = "set"
	auditHeadID  = "head"
	adminGuardID = "administrators"
	schemaID     = "schema"
	pingID       = "ping"
	sealKeyID    = "seal"
	noPrefix     = ""
)

func newTable[T any](s *Store, form codec[T], collection, prefix string, absent error) *table[T] {
	t := &table[T]{
		documents: documents{
			store: s, coll: s.db.Collection(collection), prefix: prefix, absent: absent,
			exists:      always(errLostRace),
			afterDelete: func(context.Context, string) error { return nil },
		},
		form:    form,
		fields:  func(*T) bson.D { return nil },
		overlay: func(*T, string, int64) {},
		guard:   func(context.Context, *T, *T) (func(), error) { return func() {}, nil },
	}
	s.finishers = append(s.finishers, t.finishOutboxes)
	return t
}

func (s *Store) makeTables() {
	s.users = newTable(s, userForm, usersName, noPrefix, domain.ErrUserNotFound)
	s.users.checked, s.users.cached = true, true
	s.users.exists, s.users.fields, s.users.names = userExists, s.searchFields, userNames
	s.users.guard = s.guardUser
	s.users.afterDelete = s.deleteUserData

	s.sessions = newTable(s, sessionForm, sessionsName, noPrefix, domain.ErrSessionNotFound)
	s.sessions.checked, s.sessions.cached = true, true
	s.sessions.exists = always(fault.ErrConflict)
	s.sessions.active = func(x *domain.Session) int64 { return nanos(x.LastActivity) }
	s.sessions.overlay = s.overlaySession
	s.sessions.fields = sessionFields

	s.keys = newTable(s, keyForm, keysName, noPrefix, domain.ErrKeyNotFound)
	s.keys.checked, s.keys.cached = true, true
	s.keys.exists = always(fault.ErrConflict)
	s.keys.active = func(k *domain.APIKey) int64 { return nanos(k.LastUsedAt) }
	s.keys.overlay = s.overlayKey

	s.tokens = newTable(s, tokenForm, tokensName, noPrefix, domain.ErrTokenNotFound)
	s.tokens.checked = true
	s.tokens.exists = always(fault.ErrConflict)
	s.tokens.coll = s.checked(tokensName)

	s.roles = newTable(s, roleForm, catalogName, rolePrefix, domain.ErrRoleNotFound)
	s.roles.checked, s.roles.cached = true, true
	s.roles.exists = always(domain.ErrRoleExists)
	s.roles.bumps = true
	s.groups = newTable(s, groupForm, catalogName, groupPrefix, domain.ErrGroupNotFound)
	s.groups.checked, s.groups.cached = true, true
	s.groups.exists = always(domain.ErrGroupExists)
	s.groups.bumps = true
	s.settings = newTable(s, settingsForm, catalogName, settingsID, fault.ErrStorage)
	s.settings.checked, s.settings.cached = true, true
	s.settings.bumps = true

	s.attempts = newTable(s, attemptsForm, attemptsName, noPrefix, nil)
	s.attempts.fields = func(a *accountAttempts) bson.D { return bson.D{{Key: "ttl", Value: sweepAt(a.KeptUntil)}} }
	s.signing = newTable(s, signingForm, signingName, noPrefix, nil)
	s.signing.checked = true
	s.logs = newTable(s, auditHeadForm, segmentsName, noPrefix, nil)
}

func always(err error) func(error) error { return func(error) error { return err } }
