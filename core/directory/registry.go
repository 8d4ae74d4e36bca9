package directory

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// Registry holds the configured directories. It does not change while the service runs.
type Registry struct {
	order    []ports.Directory
	fallback domain.DirectoryID
}

// NewRegistry returns a registry of the directories in the configured order; fallback is the directory of new users. It
// returns an error if two directories have the same ID or if fallback is not among them.
func NewRegistry(fallback domain.DirectoryID, directories ...ports.Directory) (*Registry, error) {
	r := &Registry{fallback: fallback}
	for _, d := range directories {
		if _, taken := r.Get(d.ID()); taken {
			return nil, fmt.Errorf("directory %q is configured twice", d.ID())
		}
		r.order = append(r.order, d)
	}
	if _, ok := r.Get(fallback); !ok {
		return nil, fmt.Errorf("the default directory %q is not configured", fallback)
	}
	return r, nil
}

// Get returns the directory with the ID.
func (r *Registry) Get(id domain.DirectoryID) (ports.Directory, bool) {
	i := slices.IndexFunc(r.order, func(d ports.Directory) bool { return d.ID() == id })
	if i < 0 {
		return nil, false
	}
	return r.order[i], true
}

// Fallback returns the directory of new users.
func (r *Registry) Fallback() ports.Directory {
	d, _ := r.Get(r.fallback)
	return d
}

// All returns the directories in the configured order.
func (r *Registry) All() []ports.Directory { return slices.Clone(r.order) }

// MappedGroups returns the group names in the mapping rules of all directories.
func (r *Registry) MappedGroups() []string {
	var names []string
	for _, d := range r.order {
		if mapper, ok := d.(ports.Mapper); ok {
			names = append(names, mapper.MappingNames().Groups...)
		}
	}
	return names
}

// LocalPasswords returns the first directory that stores its credentials with our users, and false if none is
// configured.
func (r *Registry) LocalPasswords() (ports.LocalPasswordStore, bool) {
	for _, d := range r.order {
		if k, ok := d.(ports.LocalPasswordStore); ok {
			return k, true
		}
	}
	return nil, false
}

// SetsPasswords reports whether the service can set the passwords of the directory's users.
func (r *Registry) SetsPasswords(id domain.DirectoryID) bool {
	d, _ := r.Get(id)
	_, keeps := d.(ports.LocalPasswordStore)
	_, sets := d.(ports.PasswordSetter)
	return keeps || sets
}

// Candidates returns the directories that may verify an unknown name: only the one with its domain suffix, or else all
// that verify passwords, in the configured order.
func (r *Registry) Candidates(name string) []ports.PasswordVerifier {
	candidates := r.order
	if d, _, ok := r.bySuffix(name); ok {
		candidates = []ports.Directory{d}
	}
	var all []ports.PasswordVerifier
	for _, d := range candidates {
		if v, ok := d.(ports.PasswordVerifier); ok {
			all = append(all, v)
		}
	}
	return all
}

// SplitName returns the directory of a name's domain suffix ("name@suffix" or "SUFFIX\name"), and the name without the
// suffix.
func (r *Registry) SplitName(name string) (id domain.DirectoryID, bare string, ok bool) {
	d, bare, ok := r.bySuffix(name)
	if !ok {
		return "", "", false
	}
	return d.ID(), bare, true
}

func (r *Registry) bySuffix(name string) (ports.Directory, string, bool) {
	bare, suffix := "", ""
	if i := strings.IndexByte(name, '\\'); i > 0 {
		suffix, bare = name[:i], name[i+1:]
	} else if i := strings.LastIndexByte(name, '@'); i > 0 {
		bare, suffix = name[:i], name[i+1:]
	}
	if bare == "" || suffix == "" {
		return nil, "", false
	}
	for _, d := range r.order {
		if slices.Contains(d.Suffixes(), strings.ToLower(suffix)) {
			return d, bare, true
		}
	}
	return nil, "", false
}
