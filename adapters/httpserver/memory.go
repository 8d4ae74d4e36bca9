package httpserver

import (
	"runtime/debug"
	"time"
)

const (
	// burst is how many connections at a time are a burst, whose memory is given back to the system afterwards.
	burst = 512
	// lookForQuiet is how often a server looks whether a burst is over. It is longer than the HTTP library keeps its idle goroutines.
	lookForQuiet = 15 * time.Second
)

// giveBack gives the memory of bursts back to the system until done is closed. The runtime alone would take minutes, and a machine
// that ran short meanwhile would end the process. It waits until a burst has been over for two looks, so that its goroutines have
// ended too.
func (s *connections) giveBack(done <-chan struct{}, wait func(done <-chan struct{}, d time.Duration), free func()) {
	wasOver := false
	for {
		wait(done, lookForQuiet)
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

// burstIsOver reports that there was a burst and that a quarter of its connections, or less, are left. With forget, the next burst
// is counted from here.
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

// freeMemory collects twice, since pools keep what they hold through one collection.
func freeMemory() {
	debug.FreeOSMemory()
	debug.FreeOSMemory()
}
