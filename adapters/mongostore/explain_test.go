package mongostore_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// queryShapes collects the distinct queries of a run, without the values.
type queryShapes struct {
	mu    sync.Mutex
	found map[string]bson.D
}

func newQueryShapes() *queryShapes { return &queryShapes{found: map[string]bson.D{}} }

func (s *queryShapes) monitor() *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		var command bson.D
		if err := bson.Unmarshal(e.Command, &command); err == nil {
			s.add(command)
		}
	}}
}

func (s *queryShapes) add(command bson.D) {
	for _, single := range explainable(command) {
		s.mu.Lock()
		s.found[shapeOf(single)] = single
		s.mu.Unlock()
	}
}

// explainable returns the command in the form that explain takes, one for each statement, or nil if it is no query.
func explainable(command bson.D) []bson.D {
	statements := map[string]string{"update": "updates", "delete": "deletes"}[command[0].Key]
	switch command[0].Key {
	case "find", "aggregate", "findAndModify", "update", "delete":
	case "count":
		if query, _ := lookup(command, "query").(bson.D); len(query) == 0 {
			return nil // served from the collection's metadata
		}
	default:
		return nil
	}
	var kept, perStatement bson.D
	for _, e := range command {
		switch e.Key {
		case "lsid", "txnNumber", "$clusterTime", "$db", "$readPreference", "writeConcern", "readConcern", "maxTimeMS",
			"ordered":
		case statements:
			perStatement = bson.D{e}
		default:
			kept = append(kept, e)
		}
	}
	if perStatement == nil {
		return append(inner(kept), kept)
	}
	var singles []bson.D
	all, _ := perStatement[0].Value.(bson.A)
	for _, one := range all {
		singles = append(singles, append(slices.Clone(kept), bson.E{Key: statements, Value: bson.A{one}}))
	}
	return singles
}

// inner returns the pipelines of a command's joins as separate commands: explain does not return their plans.
func inner(command bson.D) []bson.D {
	var commands []bson.D
	stages, _ := lookup(command, "pipeline").(bson.A)
	for _, item := range stages {
		stage, _ := item.(bson.D)
		join, _ := lookup(stage, "$lookup").(bson.D)
		if pipeline, ok := lookup(join, "pipeline").(bson.A); ok {
			commands = append(commands, bson.D{
				{Key: "aggregate", Value: lookup(join, "from")},
				{Key: "pipeline", Value: pipeline},
				{Key: "cursor", Value: bson.D{}},
			})
		}
	}
	return commands
}

func lookup(d bson.D, key string) any {
	for _, e := range d {
		if e.Key == key {
			return e.Value
		}
	}
	return nil
}

// shapeOf formats a command without the values and without the update.
func shapeOf(value any) string {
	switch v := value.(type) {
	case bson.D:
		return shapeOfDocument(v)
	case bson.A:
		var items []string
		for _, item := range v {
			if shape := shapeOf(item); !slices.Contains(items, shape) {
				items = append(items, shape)
			}
		}
		return fmt.Sprint(items)
	default:
		return "?"
	}
}

// ignored lists the members of a command that do not affect how its documents are found.
var ignored = []string{"u", "update", "limit", "skip", "projection"}

func shapeOfDocument(d bson.D) string {
	var b strings.Builder
	for i, e := range d {
		text, isText := e.Value.(string)
		switch {
		case i > 0 && slices.Contains(ignored, e.Key):
		case isText && (i == 0 || e.Key == "hint" || e.Key == "from"):
			fmt.Fprintf(&b, "%s: %s ", e.Key, text)
		default:
			fmt.Fprintf(&b, "%s: %s ", e.Key, shapeOf(e.Value))
		}
	}
	return "{" + b.String() + "}"
}

// wantIndexed runs explain for each shape and fails for one that would scan a whole collection.
func (s *queryShapes) wantIndexed(t *testing.T, uri, database string) {
	t.Helper()
	client, err := mongo.Connect(options.Client().ApplyURI(uri))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(context.WithoutCancel(t.Context())) }()
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.found) < 50 {
		t.Errorf("only %d distinct queries were seen, want at least 50: the run is incomplete", len(s.found))
	}
	for _, shape := range slices.Sorted(maps.Keys(s.found)) {
		var plan bson.D
		err := client.Database(database).RunCommand(t.Context(),
			bson.D{{Key: "explain", Value: s.found[shape]}, {Key: "verbosity", Value: "queryPlanner"}}).Decode(&plan)
		if err != nil {
			t.Errorf("explaining %s: %v", shape, err)
			continue
		}
		if scansWhole(plan, false) {
			t.Errorf("collection scan: %s", shape)
		}
	}
}

// scansWhole looks for a collection scan in the winning plans.
func scansWhole(value any, chosen bool) bool {
	switch v := value.(type) {
	case bson.D:
		return slices.ContainsFunc(v, func(e bson.E) bool {
			if e.Key == "stage" && e.Value == "COLLSCAN" {
				return chosen
			}
			return e.Key != "rejectedPlans" && scansWhole(e.Value, chosen || e.Key == "winningPlan")
		})
	case bson.A:
		return slices.ContainsFunc(v, func(item any) bool { return scansWhole(item, chosen) })
	default:
		return false
	}
}
