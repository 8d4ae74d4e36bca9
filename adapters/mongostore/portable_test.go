package mongostore_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
)

// vocabulary collects what a run asks of a server: commands with their options, and operators.
type vocabulary struct {
	mu    sync.Mutex
	words map[string]bool
}

// ofDriver are the members that the driver adds to every command.
var ofDriver = []string{"lsid", "txnNumber", "$clusterTime", "$db", "$readPreference"}

// parts are the members whose own members are options too.
var parts = map[string]string{"updates": "update", "deletes": "delete", "indexes": "createIndexes"}

func (v *vocabulary) add(raw bson.Raw) {
	var command bson.D
	if bson.Unmarshal(raw, &command) != nil || len(command) == 0 {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	name := command[0].Key
	v.words["command "+name] = true
	for _, e := range command[1:] {
		if !slices.Contains(ofDriver, e.Key) {
			v.option(name, e)
		}
	}
}

func (v *vocabulary) option(command string, e bson.E) {
	v.words[command+"."+e.Key] = true
	if items, ok := e.Value.(bson.A); ok && parts[e.Key] == command {
		for _, item := range items {
			statement, _ := item.(bson.D)
			for _, inner := range statement {
				v.option(command+"."+e.Key, inner)
			}
		}
		return
	}
	v.operators(e.Value)
}

// operators adds the operators in a value. Documents that are stored contain none.
func (v *vocabulary) operators(value any) {
	switch value := value.(type) {
	case bson.A:
		for _, item := range value {
			v.operators(item)
		}
	case bson.D:
		for _, e := range value {
			if strings.HasPrefix(e.Key, "$") {
				v.words["operator "+e.Key] = true
			}
			v.operators(e.Value)
		}
	}
}

func (v *vocabulary) text() string {
	return strings.Join(slices.Sorted(maps.Keys(v.words)), "\n") + "\n"
}

// also calls the monitor and records the commands.
func (v *vocabulary) also(m *event.CommandMonitor) *event.CommandMonitor {
	next := m.Started
	m.Started = func(ctx context.Context, e *event.CommandStartedEvent) {
		v.add(e.Command)
		next(ctx, e)
	}
	return m
}

// checkVocabulary fails for a word that is not in the golden file: the servers in docs/mongodb.md must have it. Some
// words depend on timing, such as killCursors, so the run may lack one.
func checkVocabulary(t *testing.T, v *vocabulary) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	const path = "testdata/vocabulary.golden"
	if *update {
		must(t, os.WriteFile(path, []byte(v.text()), 0o600))
	}
	raw, err := os.ReadFile(path)
	must(t, err)
	known := strings.Split(string(raw), "\n")
	for word := range v.words {
		if !slices.Contains(known, word) {
			t.Errorf("the store sends %q, which %s does not have: add it there, and to docs/mongodb.md if a server lacks it",
				word, path)
		}
	}
}
