package account

import (
	"context"

	"github.com/ostiary/ostiary/core/domain"
)

// learnPages bounds how many pages of users LearnHashes reads, the newest first.
const learnPages = 100

// LearnHashes measures the kinds of password hashes that users came with. It is run at the start and once an hour: refusals
// take as long as the slowest kind, and the first refusal after a start shall not tell that its user exists.
func (s *Service) LearnHashes(ctx context.Context) error {
	keeper, ok := s.deps.Directories.Keeper()
	if !ok {
		return nil
	}
	query := domain.UserQuery{
		NoTotal: true, Directory: keeper.ID(), Sort: domain.SortCreatedDesc, Page: domain.Page{Number: 1, Limit: domain.MaxPageLimit},
	}
	for range learnPages {
		page, err := s.deps.Users.List(ctx, query)
		if err != nil {
			return err
		}
		for i := range page.Users {
			if err := keeper.LearnCost(ctx, page.Users[i].Password); err != nil {
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
