// Package notify writes to people: it composes mails and SMS, and delivers them.
//
// A service asks the [Composer] for a message and puts it into the outbox of the change that it belongs to, so that the
// message exists if and only if the change does. The content is sealed there already, because it may hold a one-time token
// and waits in the store. The [Worker] claims waiting messages, opens them and hands them to the senders, again and again
// until one is taken or its time is over; a crash or an outage delays a message and does not lose it.
//
// All text is plain. Links begin with the configured public URL and with nothing that came in a request:
//
//	<public URL>/activate?token=…        choose the first password (body of POST /auth/password/reset)
//	<public URL>/reset?token=…           choose a new password (the same call)
//	<public URL>/confirm-email?token=…   confirm a changed e-mail address
package notify
