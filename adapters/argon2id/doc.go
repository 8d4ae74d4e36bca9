// Package argon2id hashes what people choose: passwords.
//
// New hashes are Argon2id (RFC 9106) in PHC form, by default with 19 MiB, two passes and one lane. Hashes that come from
// elsewhere are checked as they are and reported as outdated, so that the next sign-in replaces them:
//
//	$argon2id$v=19$m=…,t=…,p=…$salt$hash, $argon2i$…      with other parameters; also behind Django's "argon2$"
//	$2a$, $2b$, $2y$                                      bcrypt; also Django's "bcrypt$" and "bcrypt_sha256$"
//	$pbkdf2-sha256$i=…$salt$hash, -sha512, -sha1          PHC and passlib; also behind {PBKDF2-SHA256} and the like of LDAP
//	pbkdf2_sha256$600000$salt$hash, pbkdf2_sha1$…         Django
//	pbkdf2:sha256:600000$salt$hash, :sha1, :sha512        werkzeug
//	$scrypt$ln=…,r=…,p=…$salt$hash                        PHC and passlib
//	scrypt:32768:8:1$salt$hash                            werkzeug
//	scrypt$16384$salt$8$1$hash                            Django
//	$5$salt$hash, $6$rounds=10000$salt$hash               SHA-crypt, as in /etc/shadow
//	{SSHA}, {SSHA256}, {SSHA384}, {SSHA512}               LDAP
//	{pbkdf2}, {scrypt}, @SpringSecurity_v5_8              Spring Security's own forms
//
// Names that LDAP servers, Dovecot and Spring Security write before one of these are ignored, in any case: {CRYPT},
// {BCRYPT}, {BLF-CRYPT}, {SHA512-CRYPT}, {ARGON2}, {bcrypt}, {argon2}, {ldap} and the like. {noop} and other plain text is
// refused.
//
// What a hash says it costs is believed only up to a ceiling: 128 MiB and about a second. A file of hostile hashes can
// therefore not take the machine; [Hasher.Supports] reports to an import beforehand whether a hash costs more.
//
// All work passes a gate: at most as many at once as there are processors, one alone when it needs much memory. The others
// wait: source networks take turns, and the calls of one network are served in the order of their arrival. A burst is served
// late rather than refused, and a flood from one network delays the others by one hash each turn. The length of the queue and
// its deadline bound the wait; one network may take as many places of the queue as are left. Without the gate a hundred
// sign-ins at once took 1.9 GiB.
//
// Neither the order nor the room depends on what is hashed: a check against no hash, which hides whether a name exists, waits
// like any other. A queue that served unknown names last would answer the question by its delay.
//
// Package argon2kernel computes Argon2 with the vector instructions of the processor. The memory of a hash is kept for the next
// one, and overwritten and returned to the system when no hash was computed for two seconds.
//
// A hash from elsewhere may take several times as long as ours. Every refusal takes as long as the slowest kind of them that the
// process has measured, also that of a name that nobody has; what waits takes no processor and no place. [Hasher.Learn]
// measures a kind before anybody signs in with it.
//
// Passwords are prepared as an OpaqueString (RFC 8265 section 4.2): every space is the ASCII one, and accents are composed,
// so that the same password typed on another system is the same. Case and width stay. Nothing is cut off.
package argon2id
