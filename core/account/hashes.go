package account

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
	"github.com/ostiary/ostiary/ports"
)

// learnUsers is the maximum number of users that LearnHashes reads, the newest first.
const learnUsers = 10_000

// LearnHashes measures the cost of the kinds of password hashes that imported users have. It runs at the start and once
// an hour: a refusal takes as long as the slowest kind, and the first refusal after a start must not reveal that its
// user exists.
func (s *Service) LearnHashes(ctx context.Context) error {
	local, ok := s.deps.Directories.LocalPasswords()
	if !ok {
		return nil
	}
	query := domain.UserQuery{Directory: local.ID(), Sort: domain.SortCreatedDesc}
	read := 0
	for user, err := range ports.AllUsers(ctx, s.deps.Users, query) {
		if err == nil {
			err = local.LearnCost(ctx, user.Password)
		}
		if read++; err != nil || read == learnUsers {
			return err
		}
	}
	return nil
}
