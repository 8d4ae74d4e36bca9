package sqlitestore

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"github.com/ostiary/ostiary/core/domain"
)

var errNoWindow = errors.New("no window")

const windowOf = "SELECT taken FROM rates WHERE key = ?"

// Take asks for one more of what key names. A refusal writes nothing, so that a flood of them costs no flush of the disk.
func (g *Guards) Take(ctx context.Context, key string, rate domain.Rate, now time.Time) (domain.RateState, error) {
	if rate.IsOff() {
		return domain.RateState{Allowed: true}, nil
	}
	// What is on disk may lack a take that is under way, never hold one too many: a refusal by it stands.
	var raw []byte
	err := g.s.reads.get(ctx, errNoWindow, windowOf, []any{key}, &raw)
	if err != nil && !errors.Is(err, errNoWindow) {
		return domain.RateState{}, err
	}
	window := decodeWindow(raw)
	state := window.Take(rate, now)
	if !state.Allowed {
		return state, nil
	}
	err = g.s.writer.do(ctx, func(t *tx) error {
		var raw []byte
		err := t.get(errNoWindow, windowOf, []any{key}, &raw)
		if err != nil && !errors.Is(err, errNoWindow) {
			return err
		}
		window := decodeWindow(raw)
		if state = window.Take(rate, now); !state.Allowed {
			return nil
		}
		expires := stamp(window.Taken[len(window.Taken)-1].Add(rate.Window))
		return t.exec("INSERT INTO rates (key, expires, taken) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET expires = excluded.expires, taken = excluded.taken",
			key, expires, encodeWindow(window))
	})
	if err != nil {
		return domain.RateState{}, err
	}
	return state, nil
}

// A window is kept as its times in nanoseconds, eight bytes each.
func encodeWindow(w domain.RateWindow) []byte {
	raw := make([]byte, 0, 8*len(w.Taken))
	for _, at := range w.Taken {
		raw = binary.BigEndian.AppendUint64(raw, uint64(at.UnixNano()))
	}
	return raw
}

func decodeWindow(raw []byte) domain.RateWindow {
	var w domain.RateWindow
	for ; len(raw) >= 8; raw = raw[8:] {
		w.Taken = append(w.Taken, time.Unix(0, int64(binary.BigEndian.Uint64(raw))).UTC()) //nolint:gosec // the bits, whatever the sign
	}
	return w
}
