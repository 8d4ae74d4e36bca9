package sysclock_test

import (
	"testing"
	"time"

	"github.com/ostiary/ostiary/adapters/sysclock"
	"github.com/ostiary/ostiary/ports"
)

var _ ports.Clock = sysclock.Clock{}

func TestNowIsTheMachinesTime(t *testing.T) {
	t.Parallel()
	before := time.Now()
	now := sysclock.Clock{}.Now()
	if now.Before(before) || now.After(time.Now()) {
		t.Errorf("Now() = %v, want a time between two readings of the machine's clock", now)
	}
}
