package jobs

import (
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/ostiary/ostiary/core"
)

// A look once a minute made a check that is due every minute one of every two minutes: the session of the last look
// was not yet due at the next.
func TestProvidersAreWatchedMuchMoreOftenThanASessionIsDue(t *testing.T) {
	t.Parallel()
	const shortest = time.Minute // of sso.check_interval
	for _, j := range list(deps{Services: &core.Services{}, Log: zap.NewNop()}) {
		if j.name != "watch_providers" {
			continue
		}
		if late := j.every; late > shortest/10 {
			t.Errorf("a check is made up to %s after it is due", late)
		}
		return
	}
	t.Error("no job watches the providers")
}
