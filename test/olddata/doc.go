// Package olddata opens installations that earlier versions of the program have written, and does everything with
// them: it signs in, refreshes, lists, changes and proves the audit log. The data is kept for good.
//
// testdata/<commit> holds one installation for each store, made by the binary of that commit through its API and
// command line:
//
//   - ostiary.db.gz and ostiary.key: the data directory of the SQLite store, after a clean stop and VACUUM INTO.
//   - mongodb.json.gz: every collection of the MongoDB store with its indexes, in canonical extended JSON. The
//     indexes have no expireAfterSeconds, or a server would remove what has expired since.
//   - secrets.json: what was handed out: tokens, an API key, a backup code, and the key-encryption keys.
//
// Both have five users: admin and Ada.Lovelace (editor, in Writers, with metadata and a phone number), carol with a
// second factor, bob who was deactivated, and dave who has not activated yet; a session of ada's that was remembered
// and refreshed once, an API key, a third-party token, failed attempts, stored responses of two idempotency keys,
// messages that could not be sent, changed settings, and an audit log with sealed segments. The passwords are in the
// tests.
//
// A later version that changes what is stored adds a folder. No folder is ever removed.
package olddata
