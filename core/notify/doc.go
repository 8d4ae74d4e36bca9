// Package notify builds emails and SMS and delivers them.
//
// A service takes a message from the [EmailBuilder] and puts it into the outbox of the change that it belongs to, so
// that the message exists if and only if the change does. The content is sealed at that point, because it may contain a
// one-time token and is stored in the queue. The [Worker] claims queued messages, opens them and passes them to the
// senders, and retries until one is accepted or expires. A crash or an outage delays a message and does not lose it.
//
// All text is plain. Links lead to the pages of the configured [Identity] and contain nothing that came in a request.
package notify
