// Package ldapdir is the directory adapter for LDAP servers (RFC 4511) and for Active Directory, which is the same
// protocol in a dialect of its own.
//
// A login with a service account has three steps: the service account searches for the login name and must find
// exactly one entry, a separate connection binds as that entry's DN with the password, and the result is mapped to an
// outcome. Without a service account the login name itself is bound, the entry is read as that person, and a second
// bind as the entry's DN proves that the two are the same.
//
// General rules:
//
//   - The service account's connections are pooled; a person's password is only sent over a connection that is opened
//     for it and closed after it, since a bind changes the identity of a connection.
//   - Unencrypted connections are allowed only to a loopback address with allow_plaintext.
//   - Referrals are not followed: they would send passwords to addresses that the configuration does not name.
//   - An outage is an error that wraps domain.ErrDirectoryUnavailable; every answer of the server about a password is
//     an outcome. An empty name or password is never sent to the server (RFC 4513 section 5.1.2).
//   - A person is identified by entryUUID or objectGUID; names, addresses and DNs are only attributes.
//   - After several consecutive failures a server gets no calls until a background probe finds it healthy again.
//
// The capabilities of a directory depend on its settings, so [Factories] return values that implement only the
// supported interfaces of package ports: without a service account there is no Lookup, Lister or PasswordSetter.
package ldapdir
