package console

import "strings"

// A batch ends after so many users, or so many bytes of them: the operator's socket takes 16 MiB at once.
const (
	batchUsers = 1000
	batchBytes = 4 << 20
)

// Batches cuts the users into pieces that go over at once. Those who share a name or an address stay together and in their
// order, so that what becomes of the second one is known also where nothing is written.
func (f ImportFile) Batches() [][]ImportUser {
	var all [][]ImportUser
	var batch []ImportUser
	size := 0
	for _, group := range f.groups() {
		for _, at := range group {
			batch = append(batch, f.Users[at])
			size += f.Users[at].size()
		}
		if len(batch) >= batchUsers || size >= batchBytes {
			all, batch, size = append(all, batch), nil, 0
		}
	}
	if len(batch) > 0 {
		all = append(all, batch)
	}
	return all
}

// groups returns the places of the users, those who share a name or an address with an earlier one beside it.
func (f ImportFile) groups() [][]int {
	var groups [][]int
	of := map[string]int{}
	for at, u := range f.Users {
		name, address := strings.ToLower(u.Username), strings.ToLower(u.Email)
		group, ok := of[name]
		if !ok {
			group, ok = of[address]
		}
		if !ok || len(groups[group]) >= batchUsers {
			group = len(groups)
			groups = append(groups, nil)
		}
		groups[group] = append(groups[group], at)
		of[name], of[address] = group, group
	}
	return groups
}

// size is about what the user takes on the way.
func (u *ImportUser) size() int {
	n := len(u.Metadata) + len(u.PasswordHash) + len(u.Username) + len(u.Email) + len(u.FullName) + len(u.FamilyName)
	for _, g := range u.Groups {
		n += len(g)
	}
	return n + 200
}
