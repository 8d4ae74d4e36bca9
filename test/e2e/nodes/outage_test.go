package nodes_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/ostiary/ostiary/test/fixtures/mongod"
)

// TestOutages measures what clients see while parts of the installation fail: for how long each kind of request fails,
// and how long the slowest response takes. The limits hold on a busy machine; the figures in docs/mongodb.md were
// measured with the election timeout that MongoDB has by default: OSTIARY_TEST_ELECTION_TIMEOUT=10s.
func TestOutages(t *testing.T) {
	t.Parallel()
	timeout := electionTimeout(t)
	set := mongod.StartSet(t)
	setElectionTimeout(t, set, timeout)
	nodes := startOn(t, 3, database{uri: set.URI(), name: "ostiary"})
	admin := nodes[0].signIn(t, adminName, adminPassword)
	nodes[0].user(t, admin, "lin")
	id := nodes[0].user(t, admin, "grace")
	p := &probes{
		nodes: nodes[:2], token: nodes[1].signIn(t, "grace", userPassword), admin: admin, user: id,
		settle: timeout/4 + time.Second,
	}
	var affected *mongod.Member
	primary := func() { affected = set.Primary(t) }
	elected := timeout + 20*time.Second // and what a busy machine adds
	for _, o := range []outage{
		{name: "the primary steps down", prepare: primary, begin: func() {
			affected.Command(t, bson.D{{Key: "replSetStepDown", Value: 60}})
		}, ends: elected},
		{name: "the primary is killed", prepare: primary, begin: func() { affected.Kill(t) }, ends: elected},
		{name: "it returns", begin: func() { affected.Restart(t) }, ends: elected},
		{name: "the primary hangs", prepare: primary, begin: func() { affected.Pause(t) }, ends: elected},
		{name: "it continues", begin: func() { affected.Resume(t) }, ends: elected},
		{name: "a secondary is killed", prepare: func() { affected = secondaries(t, set)[0] }, begin: func() {
			affected.Kill(t)
		}, ends: elected},
		{name: "the majority is lost", prepare: func() {
			dead := affected
			affected = slices.DeleteFunc(secondaries(t, set), func(m *mongod.Member) bool { return m == dead })[0]
		}, begin: func() { affected.Kill(t) }, down: true},
		{name: "a majority returns", begin: func() { affected.Restart(t) }, ends: elected},
		{name: "a node is killed", begin: func() { must(t, nodes[2].process.Kill()) }, ends: elected},
	} {
		p.run(t, o)
	}
}

// TestOutagesOfOneServer is TestOutages for a MongoDB without a replica set.
func TestOutagesOfOneServer(t *testing.T) {
	t.Parallel()
	server := mongod.Start(t)
	nodes := startOn(t, 2, database{uri: server.URI(), name: "ostiary"})
	admin := nodes[0].signIn(t, adminName, adminPassword)
	nodes[0].user(t, admin, "lin")
	id := nodes[0].user(t, admin, "grace")
	p := &probes{
		nodes: nodes, token: nodes[1].signIn(t, "grace", userPassword), admin: admin, user: id, settle: time.Second,
	}
	only := server.Members[0]
	const recovers = 30 * time.Second // on a busy machine
	for _, o := range []outage{
		{name: "the server hangs", begin: func() { only.Pause(t) }, down: true},
		{name: "it continues", begin: func() { only.Resume(t) }, ends: recovers},
		{name: "the server is killed", begin: func() { only.Kill(t) }, down: true},
		{name: "it returns", begin: func() { only.Restart(t) }, ends: recovers},
	} {
		p.run(t, o)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func electionTimeout(t *testing.T) time.Duration {
	t.Helper()
	text := os.Getenv("OSTIARY_TEST_ELECTION_TIMEOUT")
	if text == "" {
		return 2 * time.Second
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("OSTIARY_TEST_ELECTION_TIMEOUT: %v", err)
	}
	return d
}

func setElectionTimeout(t *testing.T, set *mongod.Server, timeout time.Duration) {
	t.Helper()
	admin := set.Client(t).Database("admin")
	var reply struct {
		Config bson.M `bson:"config"`
	}
	if err := admin.RunCommand(t.Context(), bson.D{{Key: "replSetGetConfig", Value: 1}}).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	settings, _ := reply.Config["settings"].(bson.D)
	for i := range settings {
		if settings[i].Key == "electionTimeoutMillis" {
			settings[i].Value = timeout.Milliseconds()
		}
	}
	version, _ := reply.Config["version"].(int32)
	reply.Config["version"] = version + 1
	if err := admin.RunCommand(t.Context(), bson.D{{Key: "replSetReconfig", Value: reply.Config}}).Err(); err != nil {
		t.Fatal(err)
	}
}

func secondaries(t *testing.T, set *mongod.Server) []*mongod.Member {
	t.Helper()
	primary := set.Primary(t)
	return slices.DeleteFunc(slices.Clone(set.Members), func(m *mongod.Member) bool { return m == primary })
}

// outage is what a test does to an installation.
type outage struct {
	name    string
	prepare func() // may be nil
	begin   func()
	// ends is the limit until every kind of request is answered with success again.
	ends time.Duration
	// down means that nothing is to be answered with success as long as it lasts.
	down bool
}

// probes sends requests of each kind to each node all the time.
type probes struct {
	nodes              []*node
	token, admin, user string
	settle             time.Duration // how long every request must succeed before the next outage
}

// probe is one kind of request.
type probe struct {
	every time.Duration
	send  func(ctx context.Context, n *node) (status int, err error)
}

func (p *probes) kinds() map[string]probe {
	call := func(token, method, path, body string) func(context.Context, *node) (int, error) {
		return func(ctx context.Context, n *node) (int, error) {
			a, err := n.call(ctx, token, method, path, body)
			return a.status, err
		}
	}
	const change = `{"full_name":"Grace Hopper"}`
	return map[string]probe{
		"verify":  {20 * time.Millisecond, call(p.token, http.MethodGet, "/auth/verify", "")},
		"read":    {50 * time.Millisecond, call(p.admin, http.MethodGet, "/users/"+p.user, "")},
		"write":   {100 * time.Millisecond, call(p.admin, http.MethodPatch, "/users/"+p.user, change)},
		"sign in": {500 * time.Millisecond, call("", http.MethodPost, "/auth/login", login("lin", userPassword))},
		"readyz": {100 * time.Millisecond, func(ctx context.Context, n *node) (int, error) {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet,
				strings.TrimSuffix(n.url, "/api/v1/security")+"/readyz", nil)
			if err != nil {
				return 0, err
			}
			res, err := n.client.Do(req)
			if err != nil {
				return 0, err
			}
			return res.StatusCode, res.Body.Close()
		}},
	}
}

// sample is one response.
type sample struct {
	sent, answered time.Duration // after the beginning of the outage
	status         int
}

func (p *probes) run(t *testing.T, o outage) {
	t.Helper()
	if o.prepare != nil {
		o.prepare()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := map[string][]sample{}
	var mu sync.Mutex
	var sending sync.WaitGroup
	began := time.Now()
	for kind, probe := range p.kinds() {
		for _, n := range p.nodes {
			sending.Go(func() {
				for ctx.Err() == nil {
					sent := time.Now()
					status, err := probe.send(context.WithoutCancel(ctx), n)
					if err != nil {
						t.Errorf("%s: %s: no response: %v", o.name, kind, err)
					}
					mu.Lock()
					seen[kind] = append(seen[kind], sample{sent.Sub(began), time.Since(began), status})
					mu.Unlock()
					time.Sleep(time.Until(sent.Add(probe.every)))
				}
			})
		}
	}
	time.Sleep(p.settle)
	at := time.Since(began)
	o.begin()
	p.wait(o, func() map[string][]sample {
		mu.Lock()
		defer mu.Unlock()
		return maps.Clone(seen)
	}, began)
	cancel()
	sending.Wait()
	report(t, o, seen, at)
}

// wait returns when every kind of request has succeeded for a while, or when the limit is over.
func (p *probes) wait(o outage, seen func() map[string][]sample, began time.Time) {
	limit := o.ends + p.settle
	if o.down {
		limit = 6*time.Second + 4*p.settle
	}
	started := time.Since(began)
	for time.Since(began) < started+limit {
		time.Sleep(100 * time.Millisecond)
		if o.down || time.Since(began) < started+2*p.settle {
			continue
		}
		recovered := true
		for _, samples := range seen() {
			for _, s := range samples {
				recovered = recovered && (s.status == http.StatusOK || s.answered < time.Since(began)-p.settle)
			}
		}
		if recovered {
			return
		}
	}
}

// report prints the figures of one outage and checks its limits.
func report(t *testing.T, o outage, seen map[string][]sample, at time.Duration) {
	t.Helper()
	for _, kind := range slices.Sorted(maps.Keys(seen)) {
		var failed []sample
		var slowest time.Duration
		statuses := map[int]int{}
		succeeded := time.Duration(0) // the last success that was sent after the beginning
		for _, s := range seen[kind] {
			if s.answered < at {
				continue
			}
			statuses[s.status]++
			slowest = max(slowest, s.answered-s.sent)
			if s.status != http.StatusOK {
				failed = append(failed, s)
			} else {
				succeeded = max(succeeded, s.sent-at)
			}
		}
		line := fmt.Sprintf("%s: %-8s slowest %5.2fs, %v", o.name, kind, slowest.Seconds(), statuses)
		var last time.Duration
		if len(failed) > 0 {
			first := slices.MinFunc(failed, func(a, b sample) int { return int(a.answered - b.answered) })
			last = slices.MaxFunc(failed, func(a, b sample) int { return int(a.answered - b.answered) }).answered - at
			line += fmt.Sprintf(", failures from %.2fs to %.2fs", (first.answered - at).Seconds(), last.Seconds())
		}
		t.Log(line)
		if slowest > 10*time.Second {
			t.Errorf("%s: %s: a response took %v", o.name, kind, slowest)
		}
		for status := range statuses {
			if status != http.StatusOK && status != http.StatusServiceUnavailable && status != 0 {
				t.Errorf("%s: %s: %d responses %d, want 200 and 503 only", o.name, kind, statuses[status], status)
			}
		}
		if o.down && succeeded > 8*time.Second {
			t.Errorf("%s: %s: a request sent after %v succeeded", o.name, kind, succeeded)
		}
		if !o.down && last > o.ends {
			t.Errorf("%s: %s: failures for %v, want an end after %v", o.name, kind, last, o.ends)
		}
	}
}
