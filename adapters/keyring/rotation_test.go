package keyring_test

import (
	"errors"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/keyring"
	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/core/fault"
)

func TestNextKeyIsPublishedBeforeItSigns(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	before := published(t, n)
	if len(before) != 2 {
		t.Fatalf("%d keys are published, want the active and the next one", len(before))
	}
	id, err := n.Rotate(t.Context(), n.clock.Now(), domain.Outbox{})
	if err != nil {
		t.Fatal(err)
	}
	if id != before[1].ID {
		t.Errorf("%s signs now, which was not published before; %v were", id, before)
	}
	if after := published(t, n); len(after) != 3 {
		t.Errorf("%d keys are published after the rotation, want the retiring, the active and the next one", len(after))
	}
}

func TestKeyIsPublishedUntilItsLastTokenExpires(t *testing.T) {
	t.Parallel()
	n := newNode(t, keyring.EdDSA)
	old := published(t, n)[0].ID
	if _, err := n.Rotate(t.Context(), n.clock.Now(), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	holds := func() bool {
		for _, key := range published(t, n) {
			if key.ID == old {
				return true
			}
		}
		return false
	}
	n.clock.Advance(life + 9*time.Minute) // another node may have signed with it for nine minutes more
	if !holds() {
		t.Error("the old key is gone while its tokens can be alive")
	}
	n.clock.Advance(3 * time.Minute)
	if holds() {
		t.Error("the old key is published after its last token")
	}
	if _, err := n.Rotate(t.Context(), n.clock.Now(), domain.Outbox{}); err != nil {
		t.Fatal(err)
	}
	keys, _ := n.store.SigningKeys(t.Context())
	for _, key := range keys {
		if key.ID == old {
			t.Error("the old key is still in the store")
		}
	}
}

func TestRotationUnderLoadRefusesNoToken(t *testing.T) {
	t.Parallel()
	first := newNode(t, keyring.EdDSA)
	nodes := []*node{first, first.another(t, keyring.EdDSA), first.another(t, keyring.EdDSA)}
	var (
		stop    atomic.Bool
		checked atomic.Int64
		wg      sync.WaitGroup
	)
	for i, n := range nodes {
		wg.Go(func() {
			for !stop.Load() {
				token := n.issue(t)
				for _, at := range nodes {
					if _, err := at.Check(t.Context(), token, at.clock.Now()); err != nil {
						t.Errorf("a token of node %d is refused during a rotation: %v", i, err)
					}
					checked.Add(1)
				}
			}
		})
	}
	for round := range int64(3) {
		for checked.Load() < (round+1)*300 {
			runtime.Gosched() // rotate in the midst of it
		}
		if _, err := first.Rotate(t.Context(), first.clock.Now(), domain.Outbox{}); err != nil {
			t.Error(err)
		}
	}
	for checked.Load() < 1500 {
		runtime.Gosched()
	}
	stop.Store(true)
	wg.Wait()
}

func TestRotationByAnotherNodeIsDetected(t *testing.T) {
	t.Parallel()
	a := newNode(t, keyring.EdDSA)
	b := a.another(t, keyring.EdDSA)
	for range 2 { // after the second one b has never heard of the key that signs
		if _, err := a.Rotate(t.Context(), a.clock.Now(), domain.Outbox{}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Check(t.Context(), a.issue(t), b.clock.Now()); err != nil {
		t.Errorf("a token under a key that is new to the node is refused: %v", err)
	}
	b.clock.Advance(61 * time.Second)
	b.issue(t)
	if got, want := published(t, b), published(t, a); len(got) != len(want) {
		t.Errorf("a minute later the node publishes %d keys, want %d", len(got), len(want))
	}
}

func TestRotationsAtOnceAreOne(t *testing.T) {
	t.Parallel()
	first := newNode(t, keyring.EdDSA)
	var (
		wg        sync.WaitGroup
		won, lost atomic.Int64
	)
	for range 8 {
		other := first.another(t, keyring.EdDSA)
		wg.Go(func() {
			switch _, err := other.Rotate(t.Context(), other.clock.Now(), domain.Outbox{}); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, fault.ErrConflict):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	keys, _ := first.store.SigningKeys(t.Context())
	states := map[domain.SigningKeyState]int64{}
	for _, key := range keys {
		states[key.State]++
	}
	if won.Load() < 1 || won.Load()+lost.Load() != 8 || states[domain.KeyActive] != 1 || states[domain.KeyNext] != 1 ||
		states[domain.KeyRetiring] != won.Load() {
		t.Errorf("%d rotations were done and %d refused; the set is %v", won.Load(), lost.Load(), states)
	}
}
