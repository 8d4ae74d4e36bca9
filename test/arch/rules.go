package arch

import (
	"path"
	"slices"
	"strings"
)

// Module is the module path.
const Module = "github.com/ostiary/ostiary"

// driving lists the adapters that call the core. The core calls all others.
var driving = []string{"httpserver", "securityapi", "usersapi", "linkpages"}

// stores lists the adapters that may import the stored documents in adapters/records. No other package may.
var stores = []string{"sqlitestore", "mongostore"}

const records = "adapters/records"

// outside lists the standard packages with access to the world outside the process. Only adapters import them.
var outside = []string{
	"net", "net/http", "database/sql", "os", "os/exec", "os/signal", "io/ioutil", "log", "log/slog",
	"math/rand", "math/rand/v2", "syscall", "embed",
}

// layer is a set of packages with common import rules. Our packages are named by their path inside the module, others
// by their import path.
type layer struct {
	name string
	// covers reports whether a folder belongs to the layer. The first layer that covers it applies.
	covers func(dir string) bool
	// ours reports whether a file in dir may import this package of our module.
	ours func(dir, imported string) bool
	// others reports whether it may import this package of another module.
	others func(imported string) bool
	// std reports whether it may import this package of the standard library. nil allows all.
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
		name: "core/auditformat", covers: in("core/auditformat"),
		ours: only("core/domain"), others: none, std: inside,
	},
	{
		name: "a core service", covers: in("core"),
		ours: only("core", "ports"), others: none, std: inside,
	},
	{
		name: "ports", covers: in("ports"),
		ours: only("core/auditformat", "core/domain", "core/fault"), others: none, std: inside,
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
		ours: nothing, others: func(imported string) bool { return imported == "go.yaml.in/yaml/v3" },
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
		ours: func(dir, imported string) bool {
			return only("modules", "config", "internal/securityclient", dir)(dir, imported)
		},
		others: not(),
	},
	{
		name: "the client of the API", covers: in("internal/securityclient"),
		ours: nothing, others: none,
	},
	{
		name: "test", covers: in("test"),
		ours: func(_, imported string) bool { return !under(imported, "cmd") }, others: not(),
	},
}

// layerOf returns the layer of a folder. A folder without a layer is a violation.
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
		return false // the product builds without cgo
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

// ofDriven reports whether a file in dir, of a driven adapter, may import this package of our module.
func ofDriven(dir, imported string) bool {
	return only("core/auditformat", "core/domain", "core/fault", "ports")(dir, imported) || under(imported, adapterOf(dir))
}

// adapterOf returns the adapter that a folder belongs to: "adapters/x" for "adapters/x/y".
func adapterOf(dir string) string {
	parts := strings.SplitN(dir, "/", 3)
	return strings.Join(parts[:min(2, len(parts))], "/")
}
