// Package records defines the documents that both stores write: one plain struct for each kind, with the name of
// every member in its tags. JSON names are those of SQLite's doc columns, BSON names those of MongoDB's doc members.
//
// Domain types never reach an encoder. A field that is renamed in the domain changes no stored byte, and one that is
// added has to be added here as well: a plain conversion does not compile without it, and TestEveryFieldComesBack
// fails where fields are copied one by one.
//
// The rules of a released document:
//
//   - A member keeps its name, its type and its place.
//   - A new member is absent in older documents, and absent means the zero value. Settings are decoded over their
//     defaults instead, see StoredSettings.
//   - Anything else is a migration of both stores.
//
// Activity is the buffer of both stores for times of activity, which are written later.
package records

// Kind is the set of the documents. Both stores accept nothing else where they encode a document.
type Kind interface {
	User | Session | APIKey | ThirdPartyToken | Role | Group | Settings | SigningKey | SyncPosition | Attempts |
		Message | Idempotency
}

// convert returns the converted items. None stay none, and an empty list stays an empty list: MongoDB stores the
// difference.
func convert[From, To any](items []From, one func(From) To) []To {
	if items == nil {
		return nil
	}
	converted := make([]To, len(items))
	for i, item := range items {
		converted[i] = one(item)
	}
	return converted
}
