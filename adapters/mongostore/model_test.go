package mongostore_test

import (
	"slices"
	"strings"
	"testing"
)

// TestProtocolOfCachedVerify explores every reachable state of a model of the protocol in cluster.go, and then shows
// for each rule that the search finds a revoked session that is accepted when the rule is left out.
func TestProtocolOfCachedVerify(t *testing.T) {
	t.Parallel()
	t.Run("as it is", func(t *testing.T) {
		t.Parallel()
		states, trace := explore(rules{})
		t.Logf("%d states", states)
		if trace != nil {
			t.Errorf("a revoked session is accepted after: %s", strings.Join(trace, "; "))
		}
		if states < 100_000 {
			t.Errorf("only %d states were explored", states)
		}
	})
	for name, broken := range map[string]rules{
		"1: the log before the change":                  {appendFirst: true},
		"2: the lease before the invalidations":         {leaseFirst: true},
		"2: the lease from the time of the answer":      {leaseFromAnswer: true},
		"2: a beat that is used again":                  {beatRestarts: true},
		"3: the cached value before the lease":          {cacheFirst: true},
		"4: no wait":                                    {noWait: true},
		"4: a wait that is shorter than a lease":        {shortWait: true},
		"5: a node is removed whatever its beat":        {removeAnyBeat: true},
		"6: a value older than the applied position":    {ignorePosition: true},
		"6: a value that was invalidated during a read": {ignoreMeanwhile: true},
		"6: the position after the value":               {positionLast: true},
		"7: a state that is not committed":              {uncommitted: true},
	} {
		t.Run("without "+name, func(t *testing.T) {
			t.Parallel()
			states, trace := explore(broken)
			t.Logf("%d states", states)
			if trace == nil {
				t.Error("the search finds nothing wrong without the rule")
			}
			t.Logf("a revoked session is accepted after: %s", strings.Join(trace, "; "))
		})
	}
}

// rules leaves out rules of the protocol.
type rules struct {
	appendFirst, leaseFirst, leaseFromAnswer, beatRestarts, cacheFirst, noWait, shortWait, removeAnyBeat,
	ignorePosition, ignoreMeanwhile, positionLast, uncommitted bool
}

const (
	modelLease = 2 // ticks
	modelTime  = 5
	modelBeats = 2
)

// The database has three states: before the change, with the change, and with the log appended to. A deposed primary
// answers a read with any earlier one.
const (
	before = iota
	half   // one of the two writes of the change is committed
	whole
)

// world is a state of the model. There is one change, which revokes the session. One node caches; another one revokes
// and removes dead nodes. Each message is delayed as long as the search likes, since every step of a process is an
// action of its own, and may be lost. A paused process takes no step while time passes.
type world struct {
	now   uint8
	stage uint8

	// the entry of the caching node in the log
	registered, reported bool // reported: it has reported that it applied the position
	beat                 uint8

	// the node that caches
	cached, applied          bool
	checked, started         bool // a verification has done its first step; it began after the revoke was answered
	until, beats             uint8
	sent, reply              uint8 // when the heartbeat in flight was sent, and the stage that it returned; plus one
	ghost                    uint8 // a heartbeat that the node gave up and that may still be committed
	fill                     uint8 // 0 none, 1 started, 2 the first part is read, 3 all is read
	fillApplied, fillChanged bool  // what was applied before the read and during it
	fillFirst, fillSecond    uint8 // the stages that the parts of the read were at

	// the node that revokes
	phase            uint8 // 0 idle, 1 change committed, 2 log appended, 3 append confirmed, 4 answered
	listed, removed  bool  // of the node that caches, at the append and after it
	listedBeat       uint8
	deadline         uint8
	seenBeat, seenAt uint8
	seen             bool
}

// apply is what the node that caches does with a state of the log.
func (w *world) apply(known bool) {
	if w.applied {
		return
	}
	w.applied = true
	if known {
		w.cached, w.fillChanged = false, true
	}
}

// revoked reports whether the session is revoked at a stage, and appended whether the log contains that.
func (r rules) revoked(stage uint8) bool { return stage == whole || stage == half && !r.appendFirst }

func (r rules) appended(stage uint8) bool { return stage == whole || stage == half && r.appendFirst }

// explore searches all states in breadth. It returns the number of states, and the actions that lead to a revoked
// session that is accepted.
func explore(r rules) (states int, trace []string) {
	type step struct {
		from   int
		action string
	}
	seen := map[world]bool{{}: true}
	queue, steps := []world{{}}, []step{{-1, "start"}}
	for i := 0; i < len(queue); i++ {
		var bad string
		actions(queue[i], r, func(action string, next world, accepted bool) {
			if accepted {
				bad = action
			}
			if next.phase == 4 { // what the revoking node knows does not matter any more
				next.listed, next.removed, next.listedBeat, next.deadline = false, false, 0, 0
				next.seen, next.seenBeat, next.seenAt = false, 0, 0
			}
			if !seen[next] {
				seen[next] = true
				queue, steps = append(queue, next), append(steps, step{i, action})
			}
		})
		if bad != "" {
			trace = append(trace, bad)
			for at := i; at >= 0; at = steps[at].from {
				trace = append(trace, steps[at].action)
			}
			slices.Reverse(trace)
			return len(queue), trace
		}
	}
	return len(queue), nil
}

// actions calls do with every state that one action leads to.
func actions(w world, r rules, do func(action string, next world, accepted bool)) {
	if w.now < modelTime {
		next := w
		next.now++
		do("time passes", next, false)
	}
	heartbeats(w, r, do)
	fills(w, r, do)
	reads(w, r, do)
	verifies(w, r, do)
	revokes(w, r, do)
	removes(w, r, do)
}

// beatOf commits a heartbeat.
func (w *world) beatOf(r rules, beat uint8) {
	switch {
	case !r.beatRestarts:
		w.beat = max(w.beat, beat)
	case w.registered:
		w.beat++
	default:
		w.beat = 1
	}
	w.registered, w.reported = true, w.reported || w.applied
}

func heartbeats(w world, r rules, do func(string, world, bool)) {
	next := w
	switch {
	case w.sent == 0 && w.beats < modelBeats:
		next.beats++
		next.sent = w.now + 1
		do("cache: sends a heartbeat", next, false)
	case w.sent > 0 && w.reply == 0:
		next.beatOf(r, w.beats)
		next.reply = w.stage + 1
		do("database: commits the heartbeat", next, false)
		next = w
		next.sent, next.ghost = 0, w.beats
		do("cache: gives the heartbeat up", next, false)
	case w.reply > 0:
		if r.appended(w.reply-1) && !r.leaseFirst {
			next.apply(true)
		}
		next.until = w.sent - 1 + modelLease
		if r.leaseFromAnswer {
			next.until = w.now + modelLease
		}
		next.sent, next.reply = 0, 0
		do("cache: extends its lease", next, false)
	}
	if w.ghost > 0 {
		next = w
		next.beatOf(r, w.ghost)
		next.ghost = 0
		do("database: commits the heartbeat that was given up", next, false)
	}
}

func fills(w world, r rules, do func(string, world, bool)) {
	next := w
	switch w.fill {
	case 0:
		next.fill, next.fillApplied = 1, w.applied
		do("cache: begins to read the session", next, false)
	case 1:
		for stage := range w.stage + 1 {
			next.fill, next.fillFirst = 2, stage
			do("database: returns the first part of the read, possibly old", next, false)
		}
	case 2:
		for stage := w.fillFirst; stage <= w.stage; stage++ {
			next.fill, next.fillSecond = 3, stage
			do("database: returns the second part of the read", next, false)
		}
	case 3:
		position, value := r.appended(w.fillFirst), r.revoked(w.fillSecond)
		if r.positionLast {
			position, value = r.appended(w.fillSecond), r.revoked(w.fillFirst)
		}
		if !value && (r.ignoreMeanwhile || !w.fillChanged) && (r.ignorePosition || position || !w.fillApplied) {
			next.cached = true
		}
		next.fill, next.fillFirst, next.fillSecond, next.fillApplied, next.fillChanged = 0, 0, 0, false, false
		do("cache: ends the read", next, false)
	}
}

// reads are the reads of the log between heartbeats, and the reports.
func reads(w world, r rules, do func(string, world, bool)) {
	next := w
	if r.appended(w.stage) && !w.applied {
		next.apply(true)
		do("cache: applies the log", next, false)
	}
	if next = w; r.uncommitted && !w.applied {
		next.apply(false)
		do("cache: applies an uncommitted invalidation of another session", next, false)
	}
	if next = w; w.registered && w.applied && !w.reported {
		next.reported = true
		do("cache: reports what it has applied", next, false)
	}
}

func verifies(w world, r rules, do func(string, world, bool)) {
	live, answered := w.now < w.until, w.phase == 4
	first, second := live, w.cached
	if r.cacheFirst {
		first, second = second, first
	}
	next := w
	if !w.checked && first {
		next.checked, next.started = true, answered
		do("verify: does its first step", next, false)
	}
	if next = w; w.checked {
		next.checked, next.started = false, false
		do("verify: accepts if the second step agrees", next, second && w.started)
	}
}

func revokes(w world, r rules, do func(string, world, bool)) {
	next := w
	switch w.phase {
	case 0, 1:
		next.phase++
		next.stage++
		if next.phase == 2 || r.appendFirst && next.phase == 1 {
			next.listed, next.listedBeat = w.registered && !w.reported && !r.noWait, w.beat
		}
		do("revoke: commits a write", next, false)
	case 2:
		next.phase = 3
		next.observe(w.listed, w.listedBeat)
		next.deadline = w.now + modelLease
		if next.seen && next.seenBeat >= w.listedBeat {
			next.deadline = min(next.deadline, next.seenAt+modelLease)
		}
		if r.shortWait {
			next.deadline--
		}
		do("revoke: the append is confirmed", next, false)
	case 3:
		if !w.listed || w.now >= w.deadline || w.reported || w.removed {
			next.phase = 4
			do("revoke: is answered", next, false)
		}
	}
}

// observe records the beat of a node and the time at which it was seen first.
func (w *world) observe(registered bool, beat uint8) {
	if registered && (!w.seen || beat > w.seenBeat) {
		w.seen, w.seenBeat, w.seenAt = true, beat, w.now
	}
}

func removes(w world, r rules, do func(string, world, bool)) {
	next := w
	if next.observe(w.registered, w.beat); next != w {
		do("remover: sees a beat", next, false)
	}
	if next = w; w.seen && w.now > w.seenAt+modelLease && w.registered && (r.removeAnyBeat || w.beat == w.seenBeat) {
		next.registered, next.reported, next.beat = false, false, 0
		next.removed = w.phase >= 2
		do("remover: removes the node", next, false)
	}
}
