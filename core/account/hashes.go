package account

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// learnPages is the maximum number of user pages that LearnHashes reads, the newest first.
const learnPages = 100

// LearnHashes measures the cost of the kinds of password hashes that imported users have. It runs at the start and once
// an hour: a refusal takes as long as the slowest kind, and the first refusal after a start must not reveal that its
// user exists.
func (s *Service) LearnHashes(ctx context.Context) error {
	local, ok := s.deps.Directories.LocalPasswords()
	if !ok {
		return nil
	}
	query := domain.UserQuery{
		NoTotal: true, Directory: local.ID(), Sort: domain.SortCreatedDesc,
		Page: domain.Page{Number: 1, Limit: domain.Limits.PageSize.Max},
	}
	for range learnPages {
		page, err := s.deps.Users.List(ctx, query)
		if err != nil {
			return err
		}
		for i := range page.Users {
			if err := local.LearnCost(ctx, page.Users[i].Password); err != nil {
				return err
			}
		}
		if page.Next == nil {
			return nil
		}
		query.Page.After = page.Next
	}
	return nil
}
