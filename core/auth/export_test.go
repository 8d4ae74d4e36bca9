package auth

import (
	"context"
	"time"
)

// OnPad replaces the delay of refusals by a call of pad, so that tests do not wait.
func (s *Service) OnPad(pad func(time.Duration)) {
	s.directoryTimes.wait = func(_ context.Context, d time.Duration) { pad(d) }
}
