package auth

import (
	"context"
	"time"
)

// OnPad has refusals note by how much they are held back, and not wait.
func (s *Service) OnPad(pad func(time.Duration)) {
	s.directoryTimes.wait = func(_ context.Context, d time.Duration) { pad(d) }
}
