package arch

import (
	"path"
	"slices"
	"strings"
)

// Module is our module path.
const Module = "github.com/ostiary/ostiary"

// driving are the adapters that call the core; all others are called by it.
var driving = []string{"httpserver", "securityapi", "usersapi", "console", "linkpages"}

// stores are the adapters that may import the documents that both of them write. Nothing else may.
var stores = []string{"sqlitestore", "mongostore"}

const records = "adapters/records"

// outside are the standard packages that reach out of the process. The core leaves them to adapters.
var outside = []string{"net", "net/http", "database/sql", "os", "os/exec", "os/signal", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2", "syscall", "embed"}

// layer is the set of packages that one rule speaks of. An import is named by its path inside our module, or whole.
type layer struct {
	name string
	// covers tells whether a folder belongs to the layer; the first layer that covers it counts.
	covers func(dir string) bool
	// ours tells whether a file in dir may import this package of ours.
	ours func(dir, imported string) bool
	// others tells whether it may import this package of somebody else, the standard library aside.
	others func(imported string) bool
	// std tells whether it may import this package of the standard library; nil allows all.
	std func(imported string) bool
}

var layers = []layer{
	{
		name: "core/fault", covers: in("core/fault"),
		ours: nothing, others: none, std: inside,
	},
	{
		name: "core/domain", covers: in("core/domain"),
		ours: only("core/fault"), others: none, std: inside,
	},
	{
		name: "a core service", covers: in("core"),
		ours: only("core", "ports"), others: none, std: inside,
	},
	{
		name: "ports", covers: in("ports"),
		ours: only("core/domain", "core/fault"), others: none, std: inside,
	},
	{
		name: "a driving adapter", covers: isDriving,
		ours: func(dir, imported string) bool {
			return under(imported, "core") || under(imported, "ports") || under(imported, adapterOf(dir)) ||
				under(imported, "adapters/httpserver")
		},
		others: not("go.uber.org/fx"),
	},
	{
		name: "the records package", covers: in(records),
		ours: only("core/domain"), others: none, std: inside,
	},
	{
		name: "a store", covers: isStore,
		ours:   func(dir, imported string) bool { return ofDriven(dir, imported) || imported == records },
		others: not("go.uber.org/fx", "github.com/gofiber"),
	},
	{
		name: "a driven adapter", covers: in("adapters"),
		ours: ofDriven, others: not("go.uber.org/fx", "github.com/gofiber"),
	},
	{
		name: "config", covers: in("config"),
		ours: nothing, others: func(imported string) bool {
			// The parser underneath, which koanf does not show, knows the lines of mistakes.
			return under(imported, "github.com/knadh/koanf") || imported == "go.yaml.in/yaml/v3"
		},
	},
	{
		name: "modules", covers: in("modules"),
		ours: func(dir, imported string) bool {
			return only("core", "ports", "adapters", "config", "modules")(dir, imported) && imported != records
		},
		others: not(),
	},
	{
		name: "cmd", covers: in("cmd"),
		ours: func(dir, imported string) bool { return only("modules", "config", dir)(dir, imported) }, others: not(),
	},
	{
		name: "test", covers: in("test"),
		ours: func(_, imported string) bool { return !under(imported, "cmd") }, others: not(),
	},
}

// layerOf returns the layer of a folder; a folder of none is itself a breach.
func layerOf(dir string) (layer, bool) {
	i := slices.IndexFunc(layers, func(l layer) bool { return l.covers(dir) })
	if i < 0 {
		return layer{}, false
	}
	return layers[i], true
}

// allows reports whether a file of the layer in dir may import the package.
func (l layer) allows(dir, imported string) bool {
	if imported == "C" {
		return false // the whole product builds without cgo
	}
	if own, ok := strings.CutPrefix(imported, Module+"/"); ok {
		return l.ours(dir, own)
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return l.others(imported)
	}
	return l.std == nil || l.std(imported)
}

func under(name, root string) bool {
	return name == root || strings.HasPrefix(name, root+"/")
}

func in(root string) func(string) bool {
	return func(dir string) bool { return under(dir, root) }
}

func only(roots ...string) func(string, string) bool {
	return func(_, imported string) bool {
		return slices.ContainsFunc(roots, func(root string) bool { return under(imported, root) })
	}
}

func not(roots ...string) func(string) bool {
	return func(imported string) bool {
		return !slices.ContainsFunc(roots, func(root string) bool { return under(imported, root) })
	}
}

func nothing(string, string) bool { return false }

func none(string) bool { return false }

func inside(imported string) bool { return !slices.Contains(outside, imported) && imported != "plugin" }

func isDriving(dir string) bool {
	return slices.ContainsFunc(driving, func(name string) bool { return under(dir, path.Join("adapters", name)) })
}

func isStore(dir string) bool {
	return slices.ContainsFunc(stores, func(name string) bool { return under(dir, path.Join("adapters", name)) })
}

// ofDriven reports whether a file in dir, of a driven adapter, may import the package of ours.
func ofDriven(dir, imported string) bool {
	return only("core/domain", "core/fault", "ports")(dir, imported) || under(imported, adapterOf(dir))
}

// adapterOf returns the adapter that a folder belongs to: "adapters/x" for "adapters/x/y".
func adapterOf(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}
