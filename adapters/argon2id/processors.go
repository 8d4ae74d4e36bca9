package argon2id

import (
	"runtime"
	"sync"
)

// processors raises GOMAXPROCS while passwords are hashed. A hash occupies its processor for 20 ms: without free slots,
// requests that need a millisecond waited for 200 concurrent sign-ins (on two processors the 99th percentile of verify
// was 190 ms, and 60 ms with the extra slots; the operating system divides the processors finely enough). Without
// hashes, more slots than processors only cost time: threads look for work that there is not.
type processors struct {
	extra int

	mu     sync.Mutex
	before int // GOMAXPROCS without the extra slots; 0 while there are none
}

// add adds the extra slots, unless they are there.
func (p *processors) add() {
	if p.extra == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.before == 0 {
		p.before = runtime.GOMAXPROCS(0)
		runtime.GOMAXPROCS(p.before + p.extra)
	}
}

// remove removes the extra slots, once no passwords have been hashed for a while.
func (p *processors) remove() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.before > 0 {
		runtime.GOMAXPROCS(p.before)
		p.before = 0
	}
}
