// Package ldapdir is the directory adapter for LDAP servers (RFC 4511) and for Active Directory, which is the same
// protocol in a dialect of its own.
//
// A login with a service account goes in three steps: the service account searches for the login name and must find exactly
// one entry, a connection of its own binds as that entry's DN with the password, and the answer becomes an outcome. Without a
// service account the login name itself is bound, the entry is read as that person, and a second bind as the entry's
// DN proves that the two are the same.
//
// Rules that hold everywhere:
//
//   - The service account's connections are pooled; a person's password is only ever sent over a connection that is opened
//     for it and closed after it, since a bind changes who a connection is.
//   - Nothing goes over an unencrypted connection but to a loopback address with allow_plaintext.
//   - Referrals are not followed: they would send passwords to addresses that the configuration does not name.
//   - "Could not say" is an error that wraps domain.ErrDirectoryUnavailable; whatever the server says of a password is an
//     outcome. An empty name or password never reaches the server (RFC 4513 section 5.1.2).
//   - A person is entryUUID or objectGUID; names, addresses and DNs are only attributes.
//   - A server that fails several times in a row is left alone until a probe in the background finds it well again.
//
// What a configured directory can do depends on its settings, so [Factories] return values that implement just those
// interfaces of package ports that work: without a service account there is no Lookup, Lister or PasswordSetter.
package ldapdir
