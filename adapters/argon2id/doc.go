// Package argon2id hashes passwords.
//
// New hashes are Argon2id (RFC 9106) in PHC format, by default with 19 MiB, two passes and one lane. Foreign hashes
// are verified as they are and reported as outdated, so that the next sign-in replaces them:
//
//	$argon2id$v=19$m=…,t=…,p=…$salt$hash, $argon2i$…      with other parameters; also behind Django's "argon2$"
//	$2a$, $2b$, $2y$                                      bcrypt; also Django's "bcrypt$" and "bcrypt_sha256$"
//	$pbkdf2-sha256$i=…$salt$hash, -sha512, -sha1          PHC and passlib; behind {PBKDF2-SHA256} and others of LDAP
//	pbkdf2_sha256$600000$salt$hash, pbkdf2_sha1$…         Django
//	pbkdf2:sha256:600000$salt$hash, :sha1, :sha512        werkzeug
//	$scrypt$ln=…,r=…,p=…$salt$hash                        PHC and passlib
//	scrypt:32768:8:1$salt$hash                            werkzeug
//	scrypt$16384$salt$8$1$hash                            Django
//	$5$salt$hash, $6$rounds=10000$salt$hash               SHA-crypt, as in /etc/shadow
//	{SSHA}, {SSHA256}, {SSHA384}, {SSHA512}               LDAP
//	{pbkdf2}, {scrypt}, @SpringSecurity_v5_8              Spring Security's own forms
//
// Prefixes that LDAP servers, Dovecot and Spring Security add to one of these are ignored, in any case: {CRYPT},
// {BCRYPT}, {BLF-CRYPT}, {SHA512-CRYPT}, {ARGON2}, {bcrypt}, {argon2}, {ldap} and similar ones. {noop} and other
// plain text is refused.
//
// The cost parameters of a hash are accepted only up to a limit: 128 MiB and about a second, so that a file of
// hostile hashes cannot exhaust the machine. [Hasher.Supports] reports to an import in advance whether a hash exceeds
// it.
//
// Concurrency is limited to the number of processors; a hash that needs much memory runs alone. Other calls wait in a
// queue: source networks take turns, and the calls of one network are served in the order of arrival. A burst is
// served late rather than refused, and a flood from one network delays the others by one hash per turn. The length of
// the queue and its deadline limit the wait; one network may use all free slots of the queue. Without the limit a
// hundred concurrent sign-ins took 1.9 GiB.
//
// A request whose client has disconnected is dropped when its turn comes, which costs one system call of a few
// microseconds. Without that, clients that time out and retry would fill the queue with requests whose responses are
// discarded, and each connected client would wait for all of their hashes: behind 200 of them, one client of the same
// network waited 1.3 s instead of 0.08 s on two processors.
//
// Neither the order nor the capacity depends on what is hashed: the dummy verification of an unknown name, which
// hides whether a user exists, waits like any other. A queue that served unknown names last would reveal them by its
// delay.
//
// Package argon2kernel computes Argon2 with the vector instructions of the processor. The memory of a hash is reused
// for the next one, and overwritten and returned to the system after two seconds without a hash.
//
// A foreign hash may take several times as long to verify as ours. The response time of every refusal, also for an
// unknown name, is padded to the slowest kind of hash that the process has measured; the wait occupies no processor
// and no slot. [Hasher.Learn] measures a kind before a user signs in with it.
//
// Passwords are prepared as an OpaqueString (RFC 8265 section 4.2): every space is the ASCII one, and accents are
// composed, so that the same password typed on another system is the same. Case and width stay. Nothing is cut off.
package argon2id
