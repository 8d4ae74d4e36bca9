package ldapdir

import (
	"errors"
	"net"
	"sync/atomic"
	"time"
)

// maxAnswer limits the bytes of a response to one operation: a page of a thousand large entries is far below it, an
// endless response is not.
const maxAnswer = 64 << 20

var errAnswerTooLarge = errors.New("the server's answer is too large")

// wire is a socket with what go-ldap lacks: a deadline for each write and a limit for reads.
type wire struct {
	net.Conn
	write time.Duration
	left  atomic.Int64
}

func newWire(c net.Conn, write time.Duration) *wire {
	w := &wire{Conn: c, write: write}
	w.refill()
	return w
}

// refill starts a new operation.
func (w *wire) refill() { w.left.Store(maxAnswer) }

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	if w.left.Add(-int64(n)) < 0 {
		_ = w.Close()
		return 0, errAnswerTooLarge
	}
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	if err := w.SetWriteDeadline(now().Add(w.write)); err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// now is for deadlines and connection ages, for which sockets use the machine's clock.
func now() time.Time { return time.Now() } //nolint:forbidigo // see above
