package httpserver

import (
	"runtime/debug"
	"time"
)

const (
	// burst is the number of concurrent connections that counts as a burst, whose memory is returned to the system
	// afterwards.
	burst = 512
	// quietCheckInterval is the interval of the checks whether a burst is over. It is longer than the HTTP library keeps
	// its idle goroutines.
	quietCheckInterval = 15 * time.Second
)

// returnMemory returns the memory of bursts to the system until done is closed. The runtime alone would take minutes,
// and a machine that ran short of memory meanwhile would kill the process. It waits until a burst has been over for two
// checks, so that its goroutines have ended too.
func (s *connections) returnMemory(done <-chan struct{}, wait func(done <-chan struct{}, d time.Duration),
	free func(),
) {
	wasOver := false
	for {
		wait(done, quietCheckInterval)
		select {
		case <-done:
			return
		default:
		}
		over := s.burstIsOver(wasOver)
		if over && wasOver {
			free()
		}
		wasOver = over && !wasOver
	}
}

// burstIsOver reports that there was a burst and that a quarter of its connections, or less, are left. With forget, the
// next burst is counted from here.
func (s *connections) burstIsOver(forget bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.peak < burst || len(s.open) > s.peak/4 {
		return false
	}
	if forget {
		s.peak = len(s.open)
	}
	return true
}

// freeMemory runs the garbage collector twice, since pools keep their contents through one collection.
func freeMemory() {
	debug.FreeOSMemory()
	debug.FreeOSMemory()
}
